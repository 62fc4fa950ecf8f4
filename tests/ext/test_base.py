"""The numbers of the pages."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import results
from tests.evidence import pages
from tests.evidence.cells import Kind
from tests.evidence.pages import (
    benchmark,
    by_outcome,
    constant,
    environments,
    shortened,
    span,
    tally,
    verified,
)
from tests.evidence.test_trials import TRIAL
from tests.evidence.verdicts import Verdict
from tests.pages.blocks import ROOT, find_pages

NAMED = [
    (path, name)
    for page in find_pages()
    for path, name in re.findall(r"\{constant\}`([^:`]+):(\w+)`", page.text)
]


def test_number_is_what_the_file_defines() -> None:
    """A page shows the number that the recipe runs with, however many digits it has."""
    assert ("recipes/processes/create_in_process_broken.py", "THREADS") in NAMED
    assert "1,000,000" == constant("tests/evidence/verdicts.py", "RUNS_WITHOUT_A_FALSE_ALARM")
    for path, name in NAMED:
        number = constant(path, name).replace(",", "")
        text = (ROOT / path).read_text("utf-8").replace("_", "")
        assert re.search(
            rf"^{name.replace('_', '')} = {re.escape(number)}\b", text, re.MULTILINE
        ), name


@pytest.mark.parametrize("path", ["recipes/threads/share_one_client.py", "no/such/file.py"])
def test_number_that_is_not_there_is_an_error(path: str) -> None:
    """The build does not invent a number whose constant was renamed or moved."""
    with pytest.raises(LookupError, match=f"{path} has no number NO_SUCH_NAME"):
        constant(path, "NO_SUCH_NAME")


def test_environments_in_which_all_trials_ended_alike_share_a_row() -> None:
    """A row holds one way to end, in however many environments, or one environment of a race."""
    older = replace(TRIAL, environment=replace(TRIAL.environment, python="3.9.9"))
    lost = replace(older, outcome="lost")
    oldest = replace(lost, environment=replace(lost.environment, python="3.8.8"))

    assert [[older, TRIAL]] == by_outcome([TRIAL, older])
    assert [[oldest], [older, lost], [TRIAL]] == by_outcome([TRIAL, older, lost, oldest])


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"held": 61, "failed": 2}, "It held in 61 of 63 environments measured so far."),
        ({"held": 1, "not measured": 4}, "It held in 1 of 1 environment measured so far."),
        ({"not measured": 4}, "It has no environment with 20 trials yet."),
        ({}, "It has no environment with 20 trials yet."),
        (
            {"held": 30, "not offered": 1},
            "It held in 30 of 30 environments measured so far; 1 more does not offer what it uses.",
        ),
        (
            {"failed": 2, "not offered": 3},
            "It held in 0 of 2 environments measured so far; 3 more do not offer what it uses.",
        ),
    ],
)
def test_tally_names_apart_what_a_release_does_not_offer(
    monkeypatch: pytest.MonkeyPatch, counts: dict[Kind, int], said: str
) -> None:
    """Only environments with all their trials count, and those that lack what is used do not."""
    monkeypatch.setattr(pages, "kinds", lambda file: Counter(counts))

    assert said == tally("It", "threads/use_futures", "held")


def test_verified_line_leads_to_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what the pinned releases did, on which days, and in how many environments it held."""
    monkeypatch.setattr(pages, "kinds", lambda file: Counter(held=61, failed=2))
    later = replace(TRIAL, date="2026-11-28T00:00:00.000Z")
    said = " ".join(verified(Verdict(TRIAL.file, (TRIAL, later, TRIAL))).split())

    assert "**Verified** 2026-11-26 to 2026-11-28: `ok` in 3 of 3 trials of this text" in said
    link = "(#evidence-threads-share-one-client)"
    assert f"It held in [61 of 63 environments measured so far]{link}. [How" in said


def test_dates_are_days() -> None:
    """Trials of one day have one date, whenever they ended."""
    evening = replace(TRIAL, date="2026-11-26T23:59:59.999Z")

    assert "2026-11-26" == span([TRIAL, evening, replace(TRIAL, date="2026-11-26")])


def test_many_releases_are_named_by_the_first_and_the_last() -> None:
    """They are sorted as numbers, and counted."""
    assert "1.9.1, 1.10.0" == shortened(["1.10.0", "1.9.1", "1.10.0"])
    assert "1.9.1 to 1.12.0 (4 releases)" == shortened(["1.12.0", "1.10.0", "1.9.1", "1.11.0"])


def test_environments_that_differ_in_one_package_share_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings make no row of their own; another Python does."""
    here = replace(TRIAL.environment, python="3.10.13", grpcio="1.85.3")
    others = [replace(here, grpcio=f"1.{minor}.0") for minor in (41, 42, 43)]
    spawned = replace(here, start_method="spawn", fork_support="0")
    newer = replace(here, python="3.14.1")
    made = [replace(TRIAL, environment=it) for it in (newer, spawned, here, *others)]
    monkeypatch.setattr(pages, "all_trials", lambda: made)
    _, _, *rows = [" ".join(line.split()) for line in environments().splitlines()]

    iam, system = here.google_cloud_iam, here.system
    assert [
        f"| 3.10.13 | 1.41.0 to 1.85.3 (4 releases) | {iam} | {system} | 5 | 2026-11-26 |",
        f"| 3.14.1 | 1.85.3 | {iam} | {system} | 1 | 2026-11-26 |",
    ] == rows


def test_figures_of_a_benchmark_are_those_that_were_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table and figures come from the stored result; what was not measured is an error."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    rows: list[results.Row] = [{"way": "threads", "seconds": 1.5}, {"way": "loop", "seconds": 2}]
    stored = results.store("a_benchmark", rows, {"calls": 12345})

    assert stored == results.read("a_benchmark")
    assert "| threads | 1.5 |" in benchmark("a_benchmark").splitlines()
    assert ["| seconds |", "| --- |", "| 2 |"] == table("a_benchmark", "way = loop")
    assert "12,345" == results.figure("a_benchmark", "calls")
    with pytest.raises(LookupError, match="no row has processes in the column way"):
        benchmark("a_benchmark", "way = processes")
    with pytest.raises(LookupError, match="it has calls"):
        results.figure("a_benchmark", "seconds")
    with pytest.raises(LookupError, match=r"noxfile\.py bench -- another"):
        results.read("another")


def table(name: str, wanted: str) -> list[str]:
    return [" ".join(line.split()) for line in benchmark(name, wanted).splitlines()]
