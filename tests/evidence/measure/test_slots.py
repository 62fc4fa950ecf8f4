"""A slot makes trials, and none of a run that says nothing."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import job_of
from tests.evidence.measure.interpreters import here
from tests.evidence.measure.processors import LONGER_LOOK, LOOK, TOO_MUCH, Load
from tests.evidence.measure.run_job import Done, run_job
from tests.evidence.measure.slots import AGAIN, Slots, TooMuchLoadError
from tests.evidence.record.plan import Variant
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.runner import Outcome, Run, RunnerError

FILE = "threads/use_futures"
TODO = here(), Variant(FILE, "fork")
RUN = Run(Path("a.py"), Outcome("ok"), "", "", seconds=1.234, new_interpreter=True)


class Runs:
    """Stands for the runs of a program that has its outcome at once, and counts them."""

    def __init__(self, *outcomes: str | RunnerError) -> None:
        self.outcomes = iter(outcomes)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, file: str, local_iam: LocalIAM, runner: object, **asked: Any) -> Done:
        """Return the next outcome, or raise what stands in its place."""
        self.asked.append({"file": file, **asked})
        outcome = next(self.outcomes, "ok")
        if isinstance(outcome, RunnerError):
            raise outcome
        return Done(outcome, RUN)


def loads(*looks: float) -> Load:
    """Make a load that is looked at once after each run; the last look is repeated."""
    found = chain(looks, repeat(looks[-1]))
    return Load(lambda: next(found))


def slots(folder: Path, load: Load, run: Callable[..., Done], waits: list[float]) -> Slots:
    """Make slots that run in new interpreters."""
    return Slots(Record(folder), load, forked=False, run=run, wait=waits.append)


@pytest.mark.parametrize("load", [0.0, TOO_MUCH])
def test_trial_is_what_ran_where_and_under_which_load(tmp_path: Path, load: float) -> None:
    """Its identity is today's, its time is to the hundredth of a second."""
    runs = Runs("raises E")
    variant = Variant(FILE, "spawn", "0")
    with slots(tmp_path, loads(load), runs, []).open() as attempt:
        tried = attempt((here(), variant))

    assert not isinstance(tried, RunnerError)
    trial, run = tried
    program, job = Record(tmp_path).identity(FILE)
    environment = here().environment("spawn", "0")
    assert (
        Trial(FILE, program, job, environment, "new", "raises E", 1.23, load, trial.date) == trial
    )
    assert RUN is run
    assert job == job_of(FILE).name
    (asked,) = runs.asked
    assert (FILE, "spawn", "0") == (asked["file"], asked["start_method"], asked["fork_support"])


def test_trial_under_too_much_load_is_made_again(tmp_path: Path) -> None:
    """What is returned is the one that had room."""
    runs = Runs("hang", "crash SIGABRT", "ok")
    load = loads(TOO_MUCH + 0.1, 50.0, 1.5)
    with slots(tmp_path, load, runs, []).open() as attempt:
        tried = attempt(TODO)

    assert not isinstance(tried, RunnerError)
    assert ("ok", 1.5) == (tried[0].outcome, tried[0].load)
    assert 3 == len(runs.asked)


def test_trial_that_never_has_room_is_given_up(tmp_path: Path) -> None:
    """It says why, in one line, and what to do; the next one has its turns."""
    runs = Runs()
    load = loads(*[TOO_MUCH + 1] * (1 + AGAIN), 0.0)
    with slots(tmp_path, load, runs, []).open() as attempt:
        given_up = attempt(TODO)
        assert 1 + AGAIN == len(runs.asked)
        other = attempt(TODO)

    assert isinstance(given_up, TooMuchLoadError)
    assert (
        f"{FILE}: {TOO_MUCH + 1:g} runnable threads for each processor; end what else computes"
    ) == str(given_up)
    assert not isinstance(other, RunnerError)


def test_first_trial_at_a_place_looks_longer(tmp_path: Path) -> None:
    """All slots import there, and what the last one computes shows later."""
    waits: list[float] = []
    elsewhere = here(), Variant(FILE, "fork", "1")
    with slots(tmp_path, loads(0), Runs(), waits).open() as attempt:
        for todo in (TODO, TODO, TODO, elsewhere, elsewhere, TODO):
            attempt(todo)

    assert [LONGER_LOOK, LOOK, LOOK, LONGER_LOOK, LOOK, LONGER_LOOK] == waits


def test_run_that_failed_is_no_trial(tmp_path: Path) -> None:
    """The next one starts anew, and imports all again."""
    waits: list[float] = []
    failure = RunnerError("the supervisor of runs has ended")
    with slots(tmp_path, loads(0), Runs(failure), waits).open() as attempt:
        assert failure is attempt(TODO)
        assert not isinstance(attempt(TODO), RunnerError)

    assert [LONGER_LOOK, LONGER_LOOK] == waits


def test_fault_that_a_run_left_does_not_come_to_the_next(tmp_path: Path) -> None:
    """Each begins with a local IAM that is well."""
    left: Iterator[bool] = iter([True, False])

    def run(file: str, local_iam: LocalIAM, *arguments: Any, **settings: Any) -> Done:
        done = run_job(file, local_iam, *arguments, **settings)
        if next(left):
            local_iam.fail("PERMISSION_DENIED")
        return done

    with slots(tmp_path, loads(0), run, []).open() as attempt:
        tried = [attempt(TODO), attempt(TODO)]

    assert ["ok", "ok"] == [each[0].outcome for each in tried if not isinstance(each, RunnerError)]


@pytest.mark.parametrize(("forked", "process"), [(True, "forked"), (False, "new")])
def test_runs_are_forked_or_new(tmp_path: Path, forked: bool, process: str) -> None:
    """As the measurement has it; the variable of the place is set before the clients are there."""
    made = Slots(Record(tmp_path), loads(0), forked)
    with made.open() as attempt:
        tried = attempt((here(), Variant(FILE, "fork", "1")))

    assert not isinstance(tried, RunnerError)
    assert ("ok", process) == (tried[0].outcome, tried[0].process)
