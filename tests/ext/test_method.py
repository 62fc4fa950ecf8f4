"""How the evidence was made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from _ext.axes import VARIED, planned
from _ext.method import deadlines, machine, new_or_forked, not_installed, other_jobs, plan
from tests.book import START_METHODS
from tests.evidence.measure.machine import store_machine, this_machine
from tests.evidence.record.cells import AXES, Strip
from tests.evidence.record.limits import HANG_DEADLINES, RECIPE_DEADLINE
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Process, Trial
from tests.ext.made import ENVIRONMENT, TRIAL, made, store

POOL = "processes/create_in_pool_worker"
THREADS = "threads/share_one_client"


def trials(process: Process, outcome: str, number: int = 20) -> tuple[Trial, ...]:
    return (replace(TRIAL, process=process, outcome=outcome),) * number


def test_plan_counts_the_cells_of_each_axis() -> None:
    """Each axis has a row, in which a cell counts as measured with a few trials."""
    complete, failed, short = made(ok=20), made(hang=3), made(ok=2)
    strips: dict[str, list[Strip]] = {name: [] for name in AXES}
    strips["start-method"] = [[("fork", complete), ("spawn", short)], [("fork", failed)]]
    rows = {line.split(" | ")[0].strip("| "): line for line in plan(strips).splitlines()}

    assert {*AXES} == {*VARIED}
    assert rows["`grpcio`"].endswith(f"| {len(AXES['grpcio'][0])} | 0 | 0 |")
    assert rows["`start-method`"].endswith("| 3 | 3 | 2 |")


def test_start_method_that_makes_no_difference_is_not_planned(tmp_path: Path) -> None:
    """A program that starts no process has one cell along the start methods."""
    record = Record(tmp_path)

    assert ["fork"] == [method for method, _ in planned(record, THREADS, "start-method")]
    assert [*START_METHODS] == [method for method, _ in planned(record, POOL, "start-method")]
    assert AXES["grpcio"][0] == [release for release, _ in planned(record, THREADS, "grpcio")]


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
    elsewhere = replace(ENVIRONMENT, python="3.9.9")
    forked = tuple(replace(trial, environment=elsewhere) for trial in trials("forked", "ok"))

    assert "No cell has trials of both kinds yet." in new_or_forked([trials("new", "ok") + forked])


def test_what_cannot_be_installed_has_a_row() -> None:
    """Each row has the releases and the reason, in which a bar divides no column."""
    refusal = NotInstalled("3.10", "1.52.0", "newest", "yanked | reason", "2026-11-26")

    row = "| 3.10 | 1.52.0 | newest | yanked \\| reason | 2026-11-26 |"
    assert row in not_installed([refusal]).splitlines()
    assert "could be installed" in not_installed([])


def test_trials_of_another_job_are_told(tmp_path: Path) -> None:
    """They have a row for each job, with its description where it is known, and count nowhere."""
    record = Record(tmp_path)
    store(record, made(THREADS, ok=2))
    other = record.identity(POOL).job
    trials = made(THREADS, hang=3).trials

    assert "Every stored trial is of its program's job." == other_jobs(record)
    program, _ = record.identity(THREADS)
    record.append(replace(trial, program=program, job=other) for trial in trials)
    record.append([replace(TRIAL, program=program)])
    store(record, made(POOL, ok=1))
    _, _, *rows = other_jobs(record).splitlines()
    assert [
        f"| `{THREADS}` | `{record.jobs()[other]}` | 3 |",
        f"| `{THREADS}` | `{TRIAL.job}` | 1 |",
    ] == rows
    assert 2 == sum(len(verdict.trials) for verdict in record.verdicts(THREADS).values())


def test_machine_is_shown_as_it_was_stored(tmp_path: Path) -> None:
    """The description is stored with each part, and without the name of the machine."""
    file = tmp_path / "machine.json"
    with pytest.raises(LookupError, match=r"python -m tests\.evidence\.measure\.machine"):
        machine(file)
    store_machine(file)

    assert this_machine() == json.loads(file.read_text("utf-8"))
    assert all(this_machine().values())
    for name, part in this_machine().items():
        assert f"| {name} | {part} |" in machine(file).splitlines()
