"""Heat maps and sections of the evidence."""

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from tests.evidence import cells, heat_map, pages
from tests.evidence.heat_map import (
    NOT_MEASURED,
    NOT_OFFERED,
    SHADED,
    cell_row,
    map_of_all,
    map_of_rule,
    percent,
    section,
    shade,
    square,
    strip,
    title_of,
)
from tests.evidence.pages import label, page_of
from tests.evidence.plan import RELEASES
from tests.evidence.rules import Rule, rules
from tests.evidence.test_cells import ENVIRONMENT, FILE, verdict
from tests.evidence.test_trials import TRIAL
from tests.evidence.test_verdicts import counted
from tests.evidence.trials import ROOT, Environment, recipe_files
from tests.evidence.verdicts import Verdict

TWIN = f"{FILE}_broken"
EVIDENCE = ROOT / "docs/evidence"


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipe hold and its twin hang, in two releases, and let nothing else be stored."""
    both = [replace(ENVIRONMENT, grpcio=it) for it in ("1.41.1", "1.62.3")]
    unfinished = replace(ENVIRONMENT, grpcio="1.85.3")
    found = {
        FILE: [*(verdict(it, ok=20) for it in both), verdict(unfinished, ok=3)],
        TWIN: [verdict(it, hang=13, ok=7) for it in both],
    }

    def verdicts_by_environment(file: str) -> dict[Environment, Verdict]:
        return {it.environments[0]: replace(it, file=file) for it in found.get(file, [])}

    for module in (cells, heat_map):
        monkeypatch.setattr(module, "verdicts_by_environment", verdicts_by_environment)


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
    files = [file for chapter in named for rule in rules(chapter) for file in rule.files]

    assert recipe_files() == sorted(files)


def test_section_can_be_linked_and_leads_to_the_recipe() -> None:
    """A section has the label that other pages use, its recipe's heading, and a link to it."""
    text = section(Rule(FILE, TWIN))

    assert text.startswith(f"{{#{label(FILE)}}}\n## Create a client in each pool worker\n")
    assert "[recipe](/processes/create-in-pool-worker.md) held in 2 of 2 environments" in text
    assert "Its broken twin failed in 2 of 2 environments" in text
    assert "Create a client in each pool worker" == title_of(FILE)


def test_cells_that_differ_in_one_release_share_a_row_and_a_command() -> None:
    """What happened as often in several releases is one row; its command names each of them."""
    text = section(Rule(FILE, TWIN))
    rows = [line for line in text.splitlines() if line.startswith("| 3.10.13 | ")]
    both, settings = "1.41.1, 1.62.3", ["2.27.0", "fork", "unset", "Linux"]
    hang = "[`hang` 13]{.outcome-fail} [`ok` 7]{.outcome-ok}"

    assert [
        ["1.85.3", *settings, "[`ok` 3]{.outcome-ok}", "3"],
        [both, *settings, "[`ok` 20]{.outcome-ok}", "20 in each of 2"],
        [both, *settings, hang, "20 in each of 2"],
    ] == [row.split(" | ")[1:8] for row in rows]
    assert "--grpcio 1.41.1 --grpcio 1.62.3 --iam 2.27.0 --start-method fork" in rows[1]


def test_row_of_many_cells_has_their_dates_and_width() -> None:
    """The dates are those of all its trials; a long list of releases may be wide."""
    environments = [replace(ENVIRONMENT, grpcio=f"1.6{number}.0") for number in range(4)]
    first, *others = (verdict(it, ok=20) for it in environments)
    day = TRIAL.date[:10]
    later = replace(others[-1].trials[0], date="2100-01-01T00:00:00.000Z")
    row = cell_row([first, *others[:-1], replace(others[-1], trials=(later,) * 20)])

    assert f"{day} to 2100-01-01" == row["dates"]
    assert "[1.60.0, 1.61.0, 1.62.0, 1.63.0]{.releases}" == row["grpcio"]
    assert "2.27.0" == row["google-cloud-iam"]


def test_file_without_trials_has_a_section_all_the_same() -> None:
    """A page reads well before anything is measured."""
    text = section(Rule("threads/use_rest", None))

    assert "has no environment with 20 trials yet." in text
    assert "No trial is stored yet." in text
    assert "broken twin" not in text


def test_every_square_of_a_rule_is_told_in_words() -> None:
    """Each release is a column, the newest first; each square says what happened, if anything."""
    head, recipe, twin = table(map_of_rule(Rule(FILE, TWIN), "grpcio"))
    told = dict(zip(head, zip(recipe, twin, strict=True), strict=True))

    assert ["", *reversed(RELEASES["grpcio"])] == head
    assert ("recipe", "broken twin") == told.pop("")
    assert (
        ("ok in 20 of 20", "hang in 13 and ok in 7 of 20") == told.pop("1.41.1") == told["1.62.3"]
    )
    assert ("not measured", "not measured") == told["1.85.3"] == told["1.42.0"]


def test_every_file_is_a_row_that_leads_to_its_section() -> None:
    """The map of all rules has a row for each file, linked to the section on its chapter's page."""
    soup = BeautifulSoup(map_of_all("grpcio"), "html.parser")
    links = [str(link["href"]) for link in soup.select("tbody th a")]
    sections = [
        f"{rule.chapter.replace('_', '-')}.html#{label(rule.recipe)}"
        for rule in rules()
        for _ in rule.files
    ]

    assert len(recipe_files()) == len(links)
    assert sections == links
    pages_linked = {link.partition(".html#")[0] for link in links}
    assert [] == [it for it in pages_linked if not (EVIDENCE / f"{it}.md").exists()]


def test_colour_follows_the_share_of_failures() -> None:
    """The darkest colour is for what fails each time; one failure is never rounded away."""
    verdicts = [counted(ok=20 - failed, hang=failed) for failed in (1, 6, 7, 13, 14, 19, 20)]

    assert [1, 1, 2, 2, 3, 3, 4] == [shade(it) for it in verdicts]
    assert [5, 30, 35, 65, 70, 95, 100] == [percent(it) for it in verdicts]
    assert [1, 99] == [percent(counted(ok=999, hang=1)), percent(counted(ok=1, hang=999))]


def test_square_is_told_by_its_sign_not_its_colour_alone() -> None:
    """Held, failed, not offered and not measured differ in what is written."""
    shown = [
        square(it)
        for it in (counted(ok=20), counted(hang=20), counted(raises_ImportError=20), None)
    ]

    assert ["✓", "100", "n/a", "·"] == [it.sign for it in shown]
    assert [False] == [it.measured for it in shown if it.told == "not measured"]
    assert "not offered, raises ImportError in 20 of 20" == shown[2].told


def test_every_colour_is_defined() -> None:
    """Each class of a square has its colours in the style sheet."""
    style = (ROOT / "docs/_static/cookbook.css").read_text("utf-8")
    squares = [NOT_MEASURED, NOT_OFFERED, square(counted(ok=20)), *SHADED]

    assert [] == [it.shade for it in squares if f".{it.shade} {{" not in style]
    assert {it.shade for it in SHADED} == {
        square(counted(ok=20 - it, hang=it)).shade for it in range(1, 21)
    }


def test_start_method_that_makes_no_difference_is_not_missing() -> None:
    """A twin that only forks has no square to measure for the others; neither has a map of it."""
    file = "processes/create_on_first_use_broken"
    told = {method: it.told for method, it in strip(file, "start-method")}

    assert {
        "fork": "not measured",
        **dict.fromkeys(("spawn", "forkserver"), "makes no difference"),
    } == told
    assert "" == map_of_rule(Rule("threads/share_one_client", None), "start-method")


def test_page_of_a_recipe_exists() -> None:
    """Each section takes its heading from a page."""
    assert [] == [it for it in rules() if not (ROOT / "docs" / page_of(it.recipe)).exists()]
    assert "evidence-event-loops-use-anyio" == pages.label("event_loops/use_anyio")
