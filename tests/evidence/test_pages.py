"""The numbers of the pages."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import results
from tests.evidence.pages import benchmark, by_outcome, constant
from tests.evidence.test_trials import TRIAL
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
