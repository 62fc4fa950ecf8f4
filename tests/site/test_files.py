"""What the build writes: pages, their Markdown, downloads, links."""

import ast
import re
import stat
from functools import cache, partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urljoin, urlsplit
from zipfile import ZipFile

import pytest
from bs4 import BeautifulSoup

from _ext.recipe import FOLDED
from _ext.roles import fact, failures
from conf import redirects
from tests.book import BOOK, ROOT, page_of, recipes_of
from tests.evidence.record.store import RECORD
from tests.support.built_site import PREFIX

PAGES = sorted(str(page.relative_to(ROOT / "docs"))[:-3] for page in ROOT.glob("docs/**/*.md"))
RECIPES = {
    page: [BOOK.path(file) for file in recipes_of(f"{page}.md")]
    for page in sorted({page_of(rule.recipe)[:-3] for rule in BOOK.rules()})
}
"""The recipes of each page that has some."""
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

    assert long == sum('"""' in text for text in folded_blocks(read(site, page)))


def folded_blocks(soup: BeautifulSoup) -> list[str]:
    """The text of every block of code that a reader has to open."""
    return [pre.get_text() for pre in soup.select("details div.highlight pre")]


def test_every_page_is_built(site: Path) -> None:
    """The site has the pages of docs/, the old names of some, the search and the 404 page."""
    built = {str(path.relative_to(site))[:-5] for path in site.rglob("*.html")}
    assert {*PAGES, *redirects, "404", "search"} == built


@pytest.mark.parametrize("old", redirects)
def test_moved_page_leads_to_its_new_place(site: Path, old: str) -> None:
    """Without scripts, too, and to the tab that has what the old page had."""
    refresh = read(site, old).select_one("noscript meta")
    assert refresh is not None
    target = urlsplit(urljoin(f"/{old}.html", str(refresh["content"]).partition("url=")[2]))
    soup = read(site, target.path.removeprefix("/").removesuffix(".html"))
    for group, (tab,) in parse_qs(target.query).items():
        chosen = f"label[data-sync-group={group}][data-sync-id={tab}]"
        assert old.rpartition("/")[2] in {label.get("id") for label in soup.select(chosen)}


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


@of_each_page([*PAGES, "404", "search"])
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


def test_markdown_has_what_roles_draw(site: Path) -> None:
    """A frequency and a documented version stand in the text of a page's Markdown as well."""
    landing = (site / "index.md").read_text("utf-8")
    defaults = (site / "processes/choose-start-method.md").read_text("utf-8")
    found = fact("forkserver-default")

    assert failures(RECORD, "processes/create_in_pool_worker_broken:fork:hang") in landing
    assert f"from [{found.version}]({found.source}) on" in defaults


@of_each_page(RECIPES)
def test_recipe(site: Path, page: str) -> None:
    """A recipe's page offers the very bytes of the file by its name, and shows every function."""
    offered = {Path(path).name: site / path for path in downloads(read(site, page), page)}
    markdown = (site / f"{page}.md").read_text("utf-8")
    for recipe in RECIPES[page]:
        assert recipe.read_bytes() == offered[recipe.name].read_bytes()
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
