"""How the evidence was made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.cells import AXES, Strip
from tests.evidence.environments import NotInstalled
from tests.evidence.measure import HANG_DEADLINES, RECIPE_DEADLINE
from tests.evidence.method import (
    VARIED,
    deadlines,
    machine,
    new_or_forked,
    not_installed,
    plan,
    planned,
    store_machine,
    this_machine,
)
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import Process, Trial
from tests.evidence.verdicts import Verdict
from tests.book import START_METHODS
from tests.runner import 

POOL = "processes/create_in_pool_worker"
THREADS = "threads/share_one_client"


def trials(process: Process, outcome: str, number: int = 20) -> tuple[Trial, ...]:
    return (replace(TRIAL, process=process, outcome=outcome),) * number


def test_plan_counts_the_cells_of_each_axis() -> None:
    """Each axis has a row, in which a cell counts as measured with all its trials."""
    complete = Verdict(TRIAL.file, trials("new", "ok"))
    failed = Verdict(TRIAL.file, trials("new", "hang"))
    short = Verdict(TRIAL.file, trials("new", "ok", 19))
    strips: dict[str, list[Strip]] = {name: [] for name in AXES}
    strips["start-method"] = [[("fork", complete), ("spawn", short)], [("fork", failed)]]
    rows = {line.split(" | ")[0].strip("| "): line for line in plan(strips).splitlines()}

    assert {*AXES} == {*VARIED}
    assert rows["`grpcio`"].endswith(f"| {len(AXES['grpcio'][0])} | 0 | 0 |")
    assert rows["`start-method`"].endswith("| 3 | 3 | 2 |")


def test_start_method_that_makes_no_difference_is_not_planned() -> None:
    """A program that starts no process has one cell along the start methods."""
    assert ["fork"] == [method for method, _ in planned(THREADS, "start-method")]
    assert [*START_METHODS] == [method for method, _ in planned(POOL, "start-method")]
    assert AXES["grpcio"][0] == [release for release, _ in planned(THREADS, "grpcio")]


def test_deadlines_are_those_of_the_measurement() -> None:
    """Each start method has a row with the seconds of a recipe and of a twin."""
    shown = deadlines()

    for start_method, seconds in HANG_DEADLINES.items():
        row = f"| `{start_method}` | {RECIPE_DEADLINE:g} seconds | {seconds:g} seconds |"
        assert row in shown.splitlines()


def test_kinds_of_process_are_compared_within_a_cell() -> None:
    """Trials of both kinds that ended alike agree; those that did not are listed."""
    alike = (*trials("new", "hang"), *trials("forked", "hang"))
    apart = (*trials("new", "hang"), *trials("forked", "ok"))

    assert "20 trials ran in a new interpreter, 20 in a fork." in new_or_forked([alike])
    assert "1 cell has trials of both kinds." in new_or_forked([alike])
    assert "In none of them" in new_or_forked([alike])
    shown = new_or_forked([alike, apart])
    assert "2 cells have trials of both kinds.\n1 of them differs" in shown
    assert "| [`hang` 20]{.outcome-fail} | [`ok` 20]{.outcome-ok} |" in shown


def test_kinds_of_process_in_other_environments_are_not_compared() -> None:
    """A cell has one environment, and only one kind says nothing about the other."""
    elsewhere = replace(TRIAL.environment, python="3.9.9")
    forked = tuple(replace(it, environment=elsewhere) for it in trials("forked", "ok"))

    assert "No cell has trials of both kinds yet." in new_or_forked([trials("new", "ok") + forked])


def test_what_cannot_be_installed_has_a_row() -> None:
    """Each row has the releases and the reason, in which a bar divides no column."""
    refusal = NotInstalled("3.10", "1.52.0", "newest", "yanked | reason", "2026-11-26")

    row = "| 3.10 | 1.52.0 | newest | yanked \\| reason | 2026-11-26 |"
    assert row in not_installed([refusal]).splitlines()
    assert "could be installed" in not_installed([])


def test_machine_is_shown_as_it_was_stored(tmp_path: Path) -> None:
    """The description is stored with each part, and without the name of the machine."""
    file = tmp_path / "machine.json"
    with pytest.raises(LookupError, match=r"python -m tests\.evidence\.method"):
        machine(file)
    store_machine(file)

    assert this_machine() == json.loads(file.read_text("utf-8"))
    assert all(this_machine().values())
    for name, its in this_machine().items():
        assert f"| {name} | {its} |" in machine(file).splitlines()
