"""The page to look up one's versions, in a browser: a small site with trials of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.book import ROOT, Book
from tests.evidence.record.plan import PYTHON, RELEASES, TRIALS
from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, book_of, copy, made
from tests.ext.made import store as keep

from .conftest import Tab, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RECIPE = "threads/share_one_client"
OLDEST, SECOND, THIRD, *_, UNMEASURED = RELEASES["grpcio"]
IAM = RELEASES["google-cloud-iam"][-1]
BESIDE = (
    ("testing/local-iam.md",),
    ("evidence/method.md", "A trial", "How many trials a cell has"),
    ("evidence/programs.md",),
    ("evidence/releases.md", "What changed with which release"),
)
"""The pages that the page links to, with the sections."""
CONF = """\
from pathlib import Path

from tests.book import Book, Chapter
from tests.evidence.record.store import Record

cookbook_record = Record(Path({records!r}), Book(Path({book!r}), (Chapter("threads", "Threads"),)))

extensions = ["myst_parser", "sphinx_copybutton", "_ext.constants", "_ext.look_up"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_static_path = [{static!r}]
html_css_files = ["cookbook.css"]
html_favicon = {static!r} + "/mark.svg"
"""


def store(records: Path, book: Book) -> None:
    """Keep trials of three releases of grpcio: with the third, the twin does no harm."""
    for number, grpcio in enumerate((OLDEST, SECOND, THIRD)):
        environment = replace(
            ENVIRONMENT, grpcio=grpcio, google_cloud_iam=IAM, python=f"{PYTHON}.{number}"
        )
        of_twin = {"ok" if number == 2 else "hang": TRIALS}
        keep(
            Record(records, book),
            made(RECIPE, environment, ok=TRIALS),
            made(f"{RECIPE}_broken", environment, **of_twin),
        )


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site of the page and one recipe, built from the trials stored here."""
    folder = tmp_path_factory.mktemp("look-up")
    docs, records, site = folder / "docs", folder / "records", folder / "site"
    store(records, book_of(folder, [RECIPE]))
    (docs / "index.md").write_text(
        "# Home\n\n:::{toctree}\nevidence/index\ntesting/local-iam\nthreads/share-one-client\n:::\n"
    )
    copy(ROOT / "docs/evidence/index.md", docs / "evidence/index.md")
    for page, *sections in BESIDE:
        (docs / page).parent.mkdir(exist_ok=True)
        (docs / page).write_text("\n\n## ".join(["# Beside", *sections]) + "\n")
    (docs / "threads/share-one-client.md").write_text("# Share one client\n")
    (docs / "conf.py").write_text(
        CONF.format(records=str(records), book=str(folder), static=str(ROOT / "docs/_static"))
    )
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", str(docs), str(site)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'docs'}"},
        check=True,
    )
    (site / "404.html").write_text("not found")
    with served(site) as address:
        yield address


def shown(view: "Page", axis: str = "grpcio") -> list[str]:
    """The text of the first two cells of each row of an axis that a reader sees."""
    rows = view.locator(f"tr:has([data-axis={axis}])").all()
    cells = [row.locator("td").all_inner_texts()[:2] for row in rows if row.is_visible()]
    return [" | ".join(each) for each in cells]


def status(view: "Page") -> str:
    return view.get_by_role("status").inner_text()


ALONE = f"google-cloud-iam {IAM}; Python {PYTHON}."
RULE = "Share one client | "


def test_reader_chooses_a_release(tab: Tab) -> None:
    """Only the rows that are about it are left, the address and the command say it; then all."""
    view = tab.open("evidence/index.html")
    everything = shown(view)
    template = view.locator(".look-up-command pre").inner_text()
    view.get_by_label("grpcio", exact=True).select_option(SECOND)

    assert [f"{SECOND} | {ALONE}1", RULE + OLDEST] == shown(view)
    assert [] == shown(view, "iam") + shown(view, "python")
    assert f"2 of 7 rows are about grpcio {SECOND}." in status(view)
    assert view.url.endswith(f"?grpcio={SECOND}")
    assert f"python3 noxfile.py evidence -- --grpcio {SECOND} --trials {TRIALS}" == (
        view.locator(".look-up-command pre").inner_text().strip()
    )

    view.get_by_role("button", name="Show all rows").click()
    assert 5 == len(everything)
    assert everything == shown(view)
    assert "All 7 rows are shown." == status(view)
    assert view.url.endswith("index.html")
    assert template == view.locator(".look-up-command pre").inner_text()
    assert [] == tab.complaints


def test_address_chooses(tab: Tab) -> None:
    """A linked choice is shown, each axis by its own rows; another patch is the same release."""
    patch = THIRD.rpartition(".")[0] + ".99"
    view = tab.open(f"evidence/index.html?grpcio={patch}&python={PYTHON}.99")

    assert [f"{THIRD} | {ALONE}2", RULE + THIRD] == shown(view)
    assert 2 == len(shown(view, "python"))
    assert [] == shown(view, "iam")
    assert "not measured together" not in status(view)


def test_what_was_not_measured_together_is_said(tab: Tab) -> None:
    """Releases that were measured one at a time are not claimed together; the command has both."""
    view = tab.open(f"evidence/index.html?grpcio={UNMEASURED}&iam={IAM}&python=3.11&other=1")

    assert [] == shown(view)
    assert f"grpcio {UNMEASURED} is not measured yet." in status(view)
    assert "was not measured together" in status(view)
    assert f"-- --grpcio {UNMEASURED} --iam {IAM} --python 3.11 --trials" in (
        view.locator(".look-up-command pre").inner_text()
    )
    view.get_by_label("grpcio", exact=True).select_option("")
    assert view.url.endswith(f"?iam={IAM}&python=3.11&other=1")


def test_release_without_a_row_is_named(tab: Tab) -> None:
    """A release that the tables do not know is said to be none of theirs, and all rows stay."""
    view = tab.open("evidence/index.html?grpcio=0.1")

    assert "The tables have no grpcio 0.1. All 7 rows are shown." == status(view)


def test_keyboard_chooses(tab: Tab) -> None:
    """The lists have labels, and answer the keyboard in the order of the page."""
    view = tab.open("evidence/index.html")
    view.get_by_label("google-cloud-iam", exact=True).focus()
    view.keyboard.press("ArrowDown")

    assert view.url.endswith(f"?iam={IAM}")
    view.keyboard.press("Tab")
    assert "python" == view.evaluate("document.activeElement.name")


def test_without_javascript_all_rows_are_there(browser: "Browser", origin: str) -> None:
    """Whoever runs no script sees every row and no form."""
    with browser.new_context(java_script_enabled=False) as context:
        view = context.new_page()
        view.goto(f"{origin}evidence/index.html?grpcio={SECOND}")

        assert 5 == len(shown(view))
        assert 0 == view.locator("select").count()
        assert "--python 3.11" in view.locator(".look-up-command pre").inner_text()


def test_script_is_loaded_by_its_page_alone(tab: Tab) -> None:
    """Another page of the site loads neither the script nor its style."""

    def loaded(page: str) -> int:
        tab.open(page)
        return sum("/look-up.js" in url or "/look-up.css" in url for _, url in tab.answers)

    assert 2 == loaded("evidence/index.html")
    assert 0 == loaded("evidence/method.html")
