"""Nothing is left out: what the site shows is what is run, and each recipe has its page."""

import pickle
import re
from collections import Counter
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from docutils import nodes
from sphinx import addnodes

from conf import published
from tests.blocks.blocks import PAGES, Page, find_pages, name_of
from tests.book import BOOK, ROOT

RECIPES = ROOT / "recipes"
RECIPE_FILES = [BOOK.path(rule.recipe) for rule in BOOK.rules()]
MODULES = [BOOK.path(file) for file in BOOK.modules()]
TWINS = sorted(RECIPES.glob("*/*_broken.py"))
Site = dict[Path, nodes.document]
"""What Sphinx read of each page."""


@pytest.fixture(scope="module")
def site(build: tuple[Path, str]) -> Site:
    """Return what the build of the site read of all pages."""
    read = build[0].with_name("doctrees")
    return {
        PAGES / path.relative_to(read).with_suffix(".md"): pickle.loads(path.read_bytes())  # noqa: S301
        for path in read.rglob("*.doctree")
    }


def rendered(site: Site) -> Iterator[tuple[str, str, str]]:
    """Yield each literal block that a page holds itself, which has no file as its source."""
    for page, document in site.items():
        for block in document.findall(nodes.literal_block):
            if "source" not in block:
                yield name_of(page), block.get("language", ""), block.astext().rstrip("\n")


def test_set_run_equals_set_rendered(site: Site) -> None:
    """The blocks that are checked are exactly those that a reader sees."""
    checked = [
        (name_of(page.path), block.language, block.source.rstrip("\n"))
        for page in find_pages()
        for block in page.blocks
    ]

    assert checked
    assert Counter(rendered(site)) == Counter(checked)


def test_there_are_recipes() -> None:
    """The tests of the recipes' pages are tests of something."""
    assert RECIPE_FILES
    assert TWINS


@pytest.mark.parametrize("recipe", RECIPE_FILES, ids=name_of)
def test_recipe_has_its_page(site: Site, recipe: Path) -> None:
    """Its page shows the file whole, as it is run, and offers it, and says how to run it."""
    page = page_of(recipe)

    assert page in site
    assert recipe in downloads(page, site[page])
    shown = [text for path, text in included(site[page]) if path == recipe]
    assert shown
    assert recipe.read_text("utf-8").strip() == shown[0].strip()
    command = f"python3 noxfile.py cook -- {recipe.relative_to(RECIPES).with_suffix('')}"
    drawn = [text for path, text in included(site[page]) if path == ROOT / "noxfile.py"]
    assert 1 == [" ".join(text.split()[:5]) for text in drawn].count(command)


LONG = 100
"""Lines that a recipe has without a word on why."""
WHY_LONG = re.compile(r"over 100 lines|longer than other|make the recipe long")


@pytest.mark.parametrize("recipe", RECIPE_FILES, ids=name_of)
def test_recipe_is_short_or_its_page_says_why_not(recipe: Path) -> None:
    """Who sees a long listing is told what takes the lines, and a short one needs no excuse."""
    page = page_of(recipe)
    section = page.read_text("utf-8").partition("\n## The recipe\n")[2].partition("\n## ")[0]
    is_long = len(recipe.read_text("utf-8").splitlines()) > LONG

    assert is_long == bool(WHY_LONG.search(section))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_module_has_its_page(site: Site, module: Path) -> None:
    """Its page shows the file whole and offers it."""
    page = page_of(module)
    shown = [text for path, text in included(site[page]) if path == module]

    assert module in downloads(page, site[page])
    assert [module.read_text("utf-8").strip()] == [text.strip() for text in shown]


@pytest.mark.parametrize("twin", TWINS, ids=name_of)
def test_broken_twin_is_on_its_page(site: Site, twin: Path) -> None:
    """The page of the recipe shows all that its broken twin changes, and how the twin fared."""
    recipe = twin.with_name(twin.name.replace("_broken", ""))
    page = page_of(recipe)
    before, after = (path.read_text("utf-8").splitlines() for path in (recipe, twin))

    assert page in site
    shown = [text.splitlines()[2:] for path, text in included(site[page]) if path == twin]
    assert [list(unified_diff(before, after, lineterm=""))[2:]] == shown
    file = twin.relative_to(RECIPES).with_suffix("").as_posix()
    assert f":::{{verdicts}} {file}" in page.read_text("utf-8").splitlines()


def test_address_in_a_recipe_is_that_of_a_page() -> None:
    """A safeguard that names its page sends the reader to one that is published."""
    texts = [path.read_text("utf-8") for path in RECIPES.rglob("*.py")]
    named = {page for text in texts for page in re.findall(f"{published}([\\w/-]+)\\.html", text)}

    assert named
    assert set() == {page for page in named if not (PAGES / f"{page}.md").is_file()}


@pytest.mark.parametrize("page", list(find_pages()), ids=lambda page: name_of(page.path))
def test_files_are_not_included_by_line_number(page: Page) -> None:
    """A change of a recipe never shifts what its page shows."""
    assert ":lines:" not in page.text


def page_of(recipe: Path) -> Path:
    """Return the page of a recipe, whether it is there or not."""
    return BOOK.page(recipe.relative_to(RECIPES).with_suffix("").as_posix())


def included(document: nodes.document) -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of each literalinclude of a page."""
    for block in document.findall(nodes.literal_block):
        if "source" in block:
            yield Path(block["source"]).resolve(), block.astext()


def downloads(page: Path, document: nodes.document) -> set[Path]:
    """Return the files that a page offers for download."""
    references = document.findall(addnodes.download_reference)
    return {(page.parent / reference["reftarget"]).resolve() for reference in references}
