"""Heat maps and sections of the evidence."""

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from _ext.base import label
from _ext.heat_map import (
    NOT_MEASURED,
    NOT_OFFERED,
    SHADED,
    map_of_all,
    map_of_rule,
    percent,
    shade,
    square,
    strip,
)
from tests.book import BOOK, Rule
from tests.evidence.record.plan import RELEASES
from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, made, store

FILE = "processes/create_in_pool_worker"
TWIN = f"{FILE}_broken"
EVIDENCE = BOOK.docs / "evidence"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record in which the recipe holds and its twin hangs in two releases, and no more."""
    record = Record(tmp_path_factory.mktemp("records"))
    for release in ("1.41.1", "1.62.3"):
        environment = replace(ENVIRONMENT, grpcio=release)
        store(record, made(FILE, environment, ok=20), made(TWIN, environment, hang=13, ok=7))
    store(record, made(FILE, replace(ENVIRONMENT, grpcio="1.85.3"), ok=2))
    return record


def table(text: str) -> list[list[str]]:
    """Return the table of a heat map, with what a screen reader says for each square."""
    soup = BeautifulSoup(text, "html.parser")
    for hidden in soup.select("[aria-hidden=true]"):
        hidden.extract()
    rows = [row.select("th, td") for row in soup.select("tr:not(.chapter)")]
    return [[" ".join(cell.get_text().split()) for cell in row] for row in rows]


def test_every_recipe_file_has_its_section() -> None:
    """The pages name every chapter once, and the chapters' sections hold every recipe and twin."""
    texts = [page.read_text("utf-8") for page in EVIDENCE.glob("*.md")]
    directive = re.compile(r"^:::\{evidence-of\} (\w+)$", re.MULTILINE)
    named = [chapter for text in texts for chapter in directive.findall(text)]
    files = [file for chapter in named for rule in BOOK.rules(chapter) for file in rule.files]

    assert BOOK.files() == sorted(files)


def test_every_square_of_a_rule_is_told_in_words(record: Record) -> None:
    """Each release is a column, the newest first; each square says what happened, if anything."""
    head, recipe, twin = table(map_of_rule(record, Rule(FILE, TWIN), "grpcio"))
    told = dict(zip(head, zip(recipe, twin, strict=True), strict=True))

    assert ["", *reversed(RELEASES["grpcio"])] == head
    assert ("recipe", "broken twin") == told.pop("")
    assert (
        ("ok in 20 of 20", "hang in 13 and ok in 7 of 20") == told.pop("1.41.1") == told["1.62.3"]
    )
    assert ("not measured", "not measured") == told["1.85.3"] == told["1.42.0"]


def test_every_file_is_a_row_that_leads_to_its_section(record: Record) -> None:
    """The map of all rules has a row for each file, linked to the section on its chapter's page."""
    soup = BeautifulSoup(map_of_all(record, "grpcio"), "html.parser")
    links = [str(link["href"]) for link in soup.select("tbody th a")]
    sections = [
        f"{rule.chapter.replace('_', '-')}.html#{label(rule.recipe)}"
        for rule in BOOK.rules()
        for _ in rule.files
    ]

    assert len(BOOK.files()) == len(links)
    assert sections == links
    pages_linked = {link.partition(".html#")[0] for link in links}
    assert [] == [page for page in pages_linked if not (EVIDENCE / f"{page}.md").exists()]


def test_colour_follows_the_share_of_failures() -> None:
    """The darkest colour is for what fails each time; one failure is never rounded away."""
    verdicts = [made(ok=20 - failed, hang=failed) for failed in (1, 6, 7, 13, 14, 19, 20)]

    assert [1, 1, 2, 2, 3, 3, 4] == [shade(verdict) for verdict in verdicts]
    assert [5, 30, 35, 65, 70, 95, 100] == [percent(verdict) for verdict in verdicts]
    assert [1, 99] == [percent(made(ok=999, hang=1)), percent(made(ok=1, hang=999))]


def test_square_is_told_by_its_sign_not_its_colour_alone() -> None:
    """Held, failed, not offered and not measured differ in what is written."""
    shown = [
        square(verdict)
        for verdict in (made(ok=20), made(hang=20), made(raises_ImportError=20), None)
    ]

    assert ["✓", "100", "n/a", "·"] == [each.sign for each in shown]
    assert [False] == [each.measured for each in shown if each.told == "not measured"]
    assert "not offered, raises ImportError in 20 of 20" == shown[2].told


def test_every_colour_is_defined() -> None:
    """Each class of a square has its colours in the style sheet."""
    style = (BOOK.docs / "_static/cookbook.css").read_text("utf-8")
    squares = [NOT_MEASURED, NOT_OFFERED, square(made(ok=20)), *SHADED]

    assert [] == [each.shade for each in squares if f".{each.shade} {{" not in style]
    assert {each.shade for each in SHADED} == {
        square(made(ok=20 - failed, hang=failed)).shade for failed in range(1, 21)
    }


def test_start_method_that_makes_no_difference_is_not_missing(record: Record) -> None:
    """A twin that only forks has no square to measure for the others; neither has a map of it."""
    file = "processes/create_on_first_use_broken"
    told = {method: each.told for method, each in strip(record, file, "start-method")}

    assert {
        "fork": "not measured",
        **dict.fromkeys(("spawn", "forkserver"), "makes no difference"),
    } == told
    assert "" == map_of_rule(record, Rule("threads/share_one_client", None), "start-method")


def test_page_of_a_recipe_exists() -> None:
    """Each section takes its heading from a page."""
    assert [] == [rule for rule in BOOK.rules() if not BOOK.page(rule.recipe).exists()]
    assert "evidence-event-loops-use-anyio" == label("event_loops/use_anyio")
