"""What the build writes: pages, their Markdown, downloads, links."""

import ast
import re
import stat
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urljoin, urlsplit
from zipfile import ZipFile

import pytest
from bs4 import BeautifulSoup

from _ext.recipe import FOLDED
from _ext.roles import fact, failures
from conf import redirects
from tests.book import BOOK, CHAPTERS, ROOT, page_of, recipes_of
from tests.evidence.record.store import RECORD
from tests.support.built_site import PREFIX

PAGES = sorted(str(page.relative_to(ROOT / "docs"))[:-3] for page in ROOT.glob("docs/**/*.md"))
RECIPES = {
    page: [BOOK.path(file) for file in recipes_of(f"{page}.md")]
    for page in sorted({page_of(rule.recipe)[:-3] for rule in BOOK.rules()})
}
"""The recipes of each page that has some."""
MODULES = {page_of(file)[:-3] for file in BOOK.modules()}
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}".replace("_", "-"): path.parent
    for path in ROOT.glob("recipes/*/*/__init__.py")
}
VERIFIED = re.compile(r"Verified \d{4}-\d\d-\d\d.*Python \d.*grpcio \d.*google-cloud-iam \d")
HOME = "http://home" + PREFIX
ID = re.compile(r'<[a-z][^<>]*\sid="([^"]*)"')
of_each_page = partial(pytest.mark.parametrize, "page", scope="module")
"""The tests of a page follow each other in one process, which reads the page once."""


@cache
def read(site: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")


@cache
def ids(site: Path, page: str) -> set[str]:
    """The ids of a page's elements: others than the page of a test are not parsed for them."""
    return set(ID.findall((site / f"{page}.html").read_text("utf-8")))


def references(soup: BeautifulSoup) -> set[tuple[str, str]]:
    """Each element's name with the address that it refers to."""
    elements = soup.select("[href], [src]")
    return {(e.name, str(e.get("href") or e.get("src"))) for e in elements if e.name != "use"}


def downloads(soup: BeautifulSoup, page: str) -> list[str]:
    """The paths below the site of all that the page offers for download."""
    return [
        urljoin(f"/{page}", str(link["href"])).lstrip("/") for link in soup.select("a.download")
    ]


def blocks(soup: BeautifulSoup) -> list[str]:
    """The text of every block of code."""
    return [pre.get_text().rstrip("\n") for pre in soup.select("div.highlight pre")]


def test_build(build: tuple[Path, str]) -> None:
    """The site builds without a warning."""
    assert "" == build[1]


@of_each_page([*RECIPES])
def test_long_recipe_is_folded(site: Path, page: str) -> None:
    """A module to be imported does not stand before what a reader came for."""
    texts = [recipe.read_text("utf-8") for recipe in RECIPES[page]]
    long = sum(FOLDED <= text.count("\n") for text in texts)
    modules = 1 if page in MODULES else 0

    assert long + modules == sum('"""' in text for text in folded_blocks(read(site, page)))


def folded_blocks(soup: BeautifulSoup) -> list[str]:
    """The text of every block of code that a reader has to open."""
    return [pre.get_text() for pre in soup.select("details div.highlight pre")]


def test_every_page_is_built(site: Path) -> None:
    """The site has the pages of docs/, the old names of some, the search and the 404 page."""
    built = {str(path.relative_to(site))[:-5] for path in site.rglob("*.html")}
    assert {*PAGES, *redirects, "404", "search"} == built


@of_each_page([*redirects])
def test_moved_page_leads_to_its_new_place(site: Path, page: str) -> None:
    """Each way to follow the old name leads to one page, and to the tab that has what it had."""
    old = read(site, page)
    refresh = old.select_one("noscript meta[http-equiv=refresh]")
    assert refresh is not None
    assert f"0; url={redirects[page]}" == refresh["content"]
    assert {redirects[page]} == {address for _, address in references(old)}
    target = urlsplit(urljoin(f"/{page}.html", redirects[page]))
    now = target.path.removeprefix("/").removesuffix(".html")
    assert now in PAGES
    for group, (tab,) in parse_qs(target.query).items():
        chosen = f"label[data-sync-group={group}][data-sync-id={tab}]"
        labels = {label.get("id") for label in read(site, now).select(chosen)}
        assert page.rpartition("/")[2] in labels


@of_each_page(PAGES)
def test_landmarks(site: Path, page: str) -> None:
    """Each page names its language and title, has one heading, and lets a keyboard skip to it."""
    soup = read(site, page)
    assert soup.html is not None
    assert soup.title is not None
    assert "en" == soup.html["lang"]
    assert soup.title.get_text().strip().endswith("IAM concurrency cookbook")
    assert 1 == len(soup.select("h1"))
    skip = soup.select_one("a.skip-to-content")
    assert skip is not None
    assert soup.select_one(str(skip["href"])) is not None


@of_each_page([*PAGES, *redirects, "404", "search"])
def test_links(site: Path, page: str) -> None:
    """Each link inside the site leads to a file, each fragment to an element of it."""
    broken = []
    for _, address in references(read(site, page)):
        url = urljoin(f"{HOME}{page}.html", address)
        if not url.startswith(HOME):
            continue
        target = site / unquote(urlsplit(url).path.removeprefix(PREFIX) or "index.html")
        fragment = urlsplit(url).fragment
        if not target.is_file() or (
            fragment and fragment not in ids(site, str(target.relative_to(site))[:-5])
        ):
            broken.append(address)
    assert [] == broken


@of_each_page([*PAGES, "404", "search"])
def test_nothing_from_another_host(site: Path, page: str) -> None:
    """A page links to other hosts, and loads nothing from them."""
    soup = read(site, page)
    canonical = {str(link["href"]) for link in soup.select("link[rel=canonical]")}
    loaded = {address for name, address in references(soup) if name != "a"} - canonical
    assert set() == {address for address in loaded if urlsplit(address).netloc}


@of_each_page(PAGES)
def test_markdown(site: Path, page: str) -> None:
    """Beside each page lies its Markdown, with every block of code that the page shows."""
    markdown = (site / f"{page}.md").read_text("utf-8")
    assert [] == [block for block in blocks(read(site, page)) if block not in markdown]


@of_each_page([f"evidence/{chapter.folder}" for chapter in CHAPTERS])
def test_evidence_of_a_chapter_opens_with_what_it_is(site: Path, page: str) -> None:
    """What the signs mean is said before the first recipe."""
    soup = read(site, page)
    first, *_ = soup.select("article section section")
    opening = [node.get_text() for node in first.find_previous_siblings()]

    assert any("What each recipe of the chapter" in text for text in opening)
    assert any("no trial failed" in text for text in opening)


def test_markdown_has_what_roles_draw(site: Path) -> None:
    """A frequency and a documented version stand in the text of a page's Markdown as well."""
    landing = (site / "index.md").read_text("utf-8")
    defaults = (site / "processes/choose-start-method.md").read_text("utf-8")
    found = fact("forkserver-default")

    assert failures(RECORD, "processes/create_in_pool_worker_broken:fork:hang") in landing
    assert f"from [{found.version}]({found.source}) on" in defaults


@of_each_page(RECIPES)
def test_recipe(site: Path, page: str) -> None:
    """A recipe's page offers the file's bytes, shows every function, and says how to run it."""
    offered = {Path(path).name: site / path for path in downloads(read(site, page), page)}
    markdown = (site / f"{page}.md").read_text("utf-8")
    for recipe in RECIPES[page]:
        assert recipe.read_bytes() == offered[recipe.name].read_bytes()
        assert 1 == read(site, page).get_text().count(f"uv run {recipe.name}")
        source = recipe.read_text("utf-8")
        functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
        texts = [str(ast.get_source_segment(source, function)) for function in functions]
        assert [] == [text for text in texts if text not in markdown]


@of_each_page(RECIPES)
def test_verified(site: Path, page: str) -> None:
    """A page says of each recipe when and with which versions it was verified."""
    paragraphs = [p.get_text() for p in read(site, page).select("article p")]
    lines = [" ".join(text.split()) for text in paragraphs if text.startswith("Verified")]
    assert len(RECIPES[page]) == len(lines)
    assert [] == [line for line in lines if not VERIFIED.match(line)]


def test_names_no_folder_of_this_machine(site: Path) -> None:
    """No page tells where the checkout lies that it was built from."""
    texts = [path for path in site.rglob("*") if path.suffix in {".html", ".md", ".js", ".txt"}]
    assert [] == [path for path in texts if str(ROOT) in path.read_text("utf-8")]


@of_each_page(PAGES)
def test_downloads(site: Path, page: str) -> None:
    """Each Python file that a page offers for download is one of recipes/, byte for byte."""
    originals = {path.read_bytes() for path in ROOT.glob("recipes/**/*") if path.is_file()}
    offered = [path for path in downloads(read(site, page), page) if path.endswith(".py")]
    assert [] == [path for path in offered if (site / path).read_bytes() not in originals]


def test_llms_txt(site: Path) -> None:
    """llms.txt lists the Markdown of each page once."""
    listed = re.findall(r"\]\((.*?)\)", (site / "llms.txt").read_text("utf-8"))
    assert sorted(f"{PREFIX}{page}.md" for page in PAGES) == sorted(listed)


def test_sitemap(site: Path) -> None:
    """The sitemap lists each page once."""
    listed = re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text("utf-8"))
    paths = sorted(urlsplit(url).path for url in listed)
    assert sorted(f"{PREFIX}{page}.html" for page in PAGES) == paths


@of_each_page(FOLDERS)
def test_folder_downloads_whole(site: Path, page: str) -> None:
    """The archive of a recipe that is a folder holds its files, byte for byte, for all to read."""
    folder = FOLDERS[page]
    (packed,) = (path for path in downloads(read(site, page), page) if path.endswith(".zip"))
    with ZipFile(site / packed) as archive:
        unpacked = {name: archive.read(name) for name in archive.namelist()}
        modes = {stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}

    files = {
        path.relative_to(folder.parent).as_posix(): path.read_bytes()
        for path in folder.rglob("*.py")
    }
    assert files == unpacked
    assert {0o644} == modes
    assert (site / packed).stat().st_size < sum(map(len, files.values()))


def test_unpacked_local_iam_runs(site: Path, tmp_path: Path) -> None:
    """The commands of its page unpack the archive anywhere, and run a program and a test."""
    (packed,) = site.rglob("local_iam.zip")
    program = "import os; assert os.environ['LOCAL_IAM_CONTROL']"
    (tmp_path / "test_it.py").write_text("def test_it(local_iam):\n    assert local_iam.project\n")
    page = (site / "testing/local-iam.md").read_text("utf-8")
    unpack = ("-m", "zipfile", "-e", packed.name, ".")
    run = ("-m", "local_iam", "run", "--", "python")
    test = ("-m", "pytest", "-p", "local_iam.pytest_plugin")

    assert all(" ".join(("python", *command)) in page for command in (run, test))
    assert " ".join(("python3", *unpack)) in page
    for command in (
        (*unpack[:3], str(packed), "."),
        (*run[:-1], sys.executable, "-c", program),
        (*test, "-q", "-p", "no:cacheprovider", "test_it.py"),
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert 0 == done.returncode, done.stdout + done.stderr
