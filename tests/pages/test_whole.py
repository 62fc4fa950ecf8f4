"""Nothing is left out: what the site shows is what is run, and each recipe has its page."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import docutils_namespace, patch_docutils

from tests.pages.blocks import PAGES, ROOT, Page, find_pages, name_of

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:sphinx", "ignore::PendingDeprecationWarning"
)  # of extensions
RECIPES = ROOT / "recipes"
RECIPE_FILES = sorted(
    path
    for path in RECIPES.glob("*/*.py")
    if path.parent.name != "testing" and not path.stem.endswith("_broken")
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildEnvironment]:
    """Read all pages as the build of the site does."""
    out = tmp_path_factory.mktemp("site")
    with patch_docutils(ROOT), docutils_namespace():
        app = Sphinx(
            PAGES, ROOT, out, out / "doctrees", "dummy", status=None, warning=io.StringIO()
        )
        app.build()
        yield app.env


def rendered(site: BuildEnvironment) -> Iterator[tuple[str, str, str]]:
    """Yield each literal block that a page holds itself, which has no file as its source."""
    for document in site.found_docs:
        for block in site.get_doctree(document).findall(nodes.literal_block):
            if "source" not in block:
                path = Path(site.doc2path(document))
                yield name_of(path), block.get("language", ""), block.astext().rstrip("\n")


def test_set_run_equals_set_rendered(site: BuildEnvironment) -> None:
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


@pytest.mark.parametrize("recipe", RECIPE_FILES, ids=name_of)
def test_recipe_has_its_page(site: BuildEnvironment, recipe: Path) -> None:
    """The page of the recipe's name shows the file's own text and offers it for download."""
    document = recipe.relative_to(RECIPES).with_suffix("").as_posix().replace("_", "-")

    assert document in site.found_docs
    assert recipe in downloads(site, document)
    shown = [text for path, text in included(site, document) if path == recipe]
    assert shown
    assert all(text.strip() in recipe.read_text("utf-8") for text in shown)


@pytest.mark.parametrize("page", list(find_pages()), ids=lambda page: name_of(page.path))
def test_files_are_not_included_by_line_number(page: Page) -> None:
    """A change of a recipe never shifts what its page shows."""
    assert ":lines:" not in page.text


def included(site: BuildEnvironment, document: str) -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of each literalinclude of a page."""
    for block in site.get_doctree(document).findall(nodes.literal_block):
        if "source" in block:
            yield Path(block["source"]).resolve(), block.astext()


def downloads(site: BuildEnvironment, document: str) -> set[Path]:
    """Return the files that a page offers for download."""
    return {
        (PAGES / file).resolve()
        for file, (documents, _) in site.dlfiles.items()
        if document in documents
    }
