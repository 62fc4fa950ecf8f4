"""The sections of the evidence, one for each recipe."""

from dataclasses import replace
from pathlib import Path

import pytest

from _ext.base import label
from _ext.sections import cell_row, cells, programs, section
from tests.book import BOOK, Book, Chapter, Rule
from tests.evidence.record.environment import Environment
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict
from tests.ext.made import ENVIRONMENT, TRIAL, made, store

FILE = "processes/create_in_pool_worker"
TWIN = f"{FILE}_broken"
TITLE = "Create the client in the worker: `Pool`"
RELEASES = [replace(ENVIRONMENT, grpcio=f"1.6{number}.0") for number in range(4)]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record in which the recipe holds and its twin hangs in two releases, and no more."""
    record = Record(tmp_path_factory.mktemp("records"))
    for release in ("1.41.1", "1.62.3"):
        environment = replace(ENVIRONMENT, grpcio=release)
        store(record, made(FILE, environment, ok=20), made(TWIN, environment, hang=13, ok=7))
    store(record, made(FILE, replace(ENVIRONMENT, grpcio="1.85.3"), ok=2))
    return record


def test_section_can_be_linked_and_leads_to_the_recipe(record: Record) -> None:
    """A section has the label that other pages use, its recipe's heading, and a link to it."""
    text = section(record, Rule(FILE, TWIN))

    assert text.startswith(f"{{#{label(FILE)}}}\n## {TITLE}\n")
    place = "/processes/create-in-worker.md#create-in-pool-worker"
    assert f"[recipe]({place}) held in 2 of 2 environments" in text
    assert "Its broken twin failed in 2 of 2 environments" in text


def test_table_of_programs_leads_to_each_section(record: Record) -> None:
    """Each chapter has its page in the contents, each recipe a row that counts and leads."""
    text = programs(record)
    (row,) = (line for line in text.splitlines() if f"(#{label(FILE)})" in line)

    assert "{toctree}\n:hidden:\n\nthreads\nevent-loops\nprocesses\n" in text
    assert f"| [{TITLE}](#{label(FILE)}) | 2 of 2 | 2 of 2 |" == row
    assert len(BOOK.rules()) == text.count("](#evidence-")
    assert [chapter.title for chapter in BOOK.chapters] == headings(text)


def test_chapter_without_recipes_has_no_page_of_evidence(tmp_path: Path) -> None:
    """A chapter of pages alone is in no table."""
    chapters = (Chapter("empty", "Empty"), BOOK.chapter(FILE))

    assert ["Processes"] == headings(programs(Record(tmp_path, Book(BOOK.root, chapters))))


def headings(text: str) -> list[str]:
    """Return the headings of Markdown."""
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def test_cells_that_differ_in_one_release_share_a_row_and_a_command(record: Record) -> None:
    """What happened as often in several releases is one row; its command names each of them."""
    text = section(record, Rule(FILE, TWIN))
    rows = [line for line in text.splitlines() if line.startswith("| 3.10.13 | ")]
    both, settings = "1.41.1, 1.62.3", ["2.27.0", "fork", "unset", "Linux"]
    hang = "[`hang` 13]{.outcome-fail} [`ok` 7]{.outcome-ok}"

    assert [
        ["1.85.3", *settings, "[`ok` 2]{.outcome-ok}", "2"],
        [both, *settings, "[`ok` 20]{.outcome-ok}", "20 in each of 2"],
        [both, *settings, hang, "20 in each of 2"],
    ] == [row.split(" | ")[1:8] for row in rows]
    assert "--grpcio 1.41.1 --grpcio 1.62.3 --iam 2.27.0 --start-method fork" in rows[1]


def of(*verdicts: Verdict) -> dict[Environment, Verdict]:
    """Return verdicts by their environments."""
    return {verdict.environments[0]: verdict for verdict in verdicts}


def interval(*verdicts: Verdict) -> str:
    """Return the interval of the row of those that are like the first, with all measured."""
    first, *_ = verdicts
    same = [each.environments[0] for each in verdicts if each.outcomes == first.outcomes]
    row = cell_row(same, of(*verdicts))
    (shown,) = (value for name, value in row.items() if name.startswith("failures"))
    return str(shown)


def test_interval_of_cells_that_agree_counts_them_together() -> None:
    """Three trials in each of four releases say as much as twelve in one, and more than three."""
    every = [made(FILE, environment, ok=3) for environment in RELEASES]

    assert interval(made(FILE, ok=12)) == interval(*every)
    assert interval(made(FILE, ok=3)) == interval(every[0]) != interval(*every)


def test_interval_of_cells_that_were_picked_is_that_of_one() -> None:
    """Cells between which another one differs, or whose own trials differ, are not added up."""
    picked = [made(FILE, environment, ok=20) for environment in RELEASES]
    picked[1] = made(FILE, RELEASES[1], ok=19, hang=1)
    racing = [made(FILE, environment, ok=10, hang=10) for environment in RELEASES]

    assert interval(picked[0]) == interval(*picked)
    assert interval(racing[0]) == interval(*racing)


def test_row_of_many_cells_has_their_dates_and_width() -> None:
    """The dates are those of all its trials; a long list of releases may be wide."""
    *others, last = (made(FILE, environment, ok=20) for environment in RELEASES)
    later = replace(last.trials[0], date="2100-01-01T00:00:00.000Z")
    row = cell_row(RELEASES, of(*others, replace(last, trials=(later,) * 20)))

    assert f"{TRIAL.date[:10]} to 2100-01-01" == row["dates"]
    assert "[1.60.0, 1.61.0, 1.62.0, 1.63.0]{.releases}" == row["grpcio"]
    assert "2.27.0" == row["google-cloud-iam"]


def test_file_without_trials_has_a_section_all_the_same(tmp_path: Path) -> None:
    """A page reads well before anything is measured."""
    record = Record(tmp_path)
    text = section(record, Rule("threads/use_rest", None))

    assert "has no environment with 3 trials yet." in text
    assert "No trial is stored yet." == cells(record, "threads/use_rest")
    assert "broken twin" not in text
