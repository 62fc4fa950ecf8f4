"""Which pages are drawn anew when something has changed."""

from pathlib import Path

import pytest

from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, book_of, build, made, store

RECIPE = "threads/share_one_client"
PAGE = "docs/threads/share-one-client.md"
CONF = """\
from pathlib import Path

from tests.book import Book, Chapter
from tests.evidence.record.store import Record

cookbook_record = Record(Path({records!r}), Book(Path({book!r}), (Chapter("threads", "Threads"),)))

extensions = ["myst_parser", "sphinx_design", "_ext.sections", "_ext.look_up"]
exclude_patterns = ["docs/**", "recipes/**"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
suppress_warnings = ["myst.xref_missing"]

def note(app, page, source):
    with Path(__file__).with_name("read.txt").open("a") as read:
        print(page, file=read)

def setup(app):
    app.connect("source-read", note)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chapter of one recipe, its evidence and a table of releases, built once."""
    folder = tmp_path_factory.mktemp("book")
    book = book_of(folder, [RECIPE])
    book.page(RECIPE).write_text("# Share one client\n")
    store(Record(folder / "records", book), made(RECIPE, ENVIRONMENT, ok=20))
    (folder / "conf.py").write_text(CONF.format(records=str(folder / "records"), book=str(folder)))
    (folder / "index.md").write_text("# Home\n\n:::{toctree}\nthreads\nreleases\n:::\n")
    (folder / "threads.md").write_text("# Threads\n\n:::{evidence-of} threads\n:::\n")
    (folder / "releases.md").write_text("# Releases\n\n:::{look-up} grpcio\n:::\n")
    done = drawn(folder)
    assert ["index", "releases", "threads"] == done
    return folder


def drawn(folder: Path) -> list[str]:
    """Build; return the pages that were read."""
    read = folder / "read.txt"
    read.write_text("")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return sorted(read.read_text().split())


def test_nothing_is_drawn_anew_where_nothing_changed(checkout: Path) -> None:
    """A source that is not there, as that of what could not be installed, is no change."""
    assert not (checkout / "records/not_installed.csv").exists()
    assert [] == drawn(checkout)


def test_text_of_a_page_is_no_evidence(checkout: Path) -> None:
    """The evidence is drawn anew where the title of a recipe's page is another, and only then."""
    page = checkout / PAGE
    page.write_text(page.read_text() + "\nMore.\n")
    unchanged = drawn(checkout)
    page.write_text("# Share a client\n")

    assert [] == unchanged
    assert ["threads"] == drawn(checkout)
    assert [] == drawn(checkout)


def test_source_that_comes_is_a_change(checkout: Path) -> None:
    """A page that was drawn without a file is drawn anew when there is one."""
    drawn(checkout)
    source = checkout / "records/not_installed.csv"
    source.write_text("python,grpcio,google_cloud_iam,reason,date\n")
    anew = drawn(checkout)
    source.unlink()

    assert ["releases"] == anew
