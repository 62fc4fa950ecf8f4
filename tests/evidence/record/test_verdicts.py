"""How verdicts are counted, and what contradicts them."""

from dataclasses import replace
from itertools import repeat

import pytest

from tests.evidence.record.statistics import interval
from tests.evidence.record.verdicts import (
    LOADED,
    RUNS_WITHOUT_A_FALSE_ALARM,
    Verdict,
    contradiction,
)
from tests.support.trials import counted


def test_failures_are_the_trials_that_were_not_ok() -> None:
    """Every outcome but ok counts as a failure."""
    assert 3 == counted(ok=4, hang=2, lost=1).failures


def test_frequency_is_the_interval_of_all_statistics() -> None:
    """It is asked for where every other table asks."""
    assert interval(5, 20) == counted(ok=15, hang=3, lost=2).frequency


def test_planned_trials_make_a_false_alarm_rarer_than_one_in_a_million() -> None:
    """So many trials all pass with less than that probability; one fewer does not suffice."""
    stored = counted(ok=10, hang=10)
    passes = 1 - LOADED * stored.frequency[0]
    planned = stored.trials_to_see_a_failure

    assert passes**planned <= 1 / RUNS_WITHOUT_A_FALSE_ALARM < passes ** (planned - 1)


def test_recipe_that_fails_contradicts_its_verdict() -> None:
    """One failure of a recipe that never failed is enough."""
    assert "today it is {'hang': 1}" in str(contradiction(counted(ok=20), ["hang"]))
    assert contradiction(counted(ok=20), ["ok"]) is None


def test_recipe_that_failed_once_may_fail_so_again() -> None:
    """A rare failure that is stored may come again, in a row as rarely as one run in a million."""
    rare = replace(counted(ok=199, hang=1), file="threads/a")
    trials = rare.trials_to_see_it_hold

    assert (rare.frequency[1] / LOADED) ** trials < 1 / RUNS_WITHOUT_A_FALSE_ALARM
    assert contradiction(rare, ["ok"]) is None
    assert contradiction(rare, [*["hang"] * (trials - 1), "ok"]) is None
    assert f"today it is {{'hang': {trials}}}" in str(contradiction(rare, repeat("hang")))
    assert "today it is {'lost': 1}" in str(contradiction(rare, ["lost", "ok"]))


def test_race_may_be_won_before_it_is_lost() -> None:
    """A twin that fails at the third trial stands by its verdict, in whichever way it fails."""
    assert contradiction(counted(ok=2, hang=18), ["ok", "ok", "hang"]) is None
    assert contradiction(counted(hang=20), ["ok", "crash SIGSEGV"]) is None
    assert contradiction(counted(hang=20), ["raises BrokenProcessPool"]) is None
    assert contradiction(counted(raises_NameError=20), ["raises BrokenProcessPool"]) is not None


def test_twin_that_never_fails_contradicts_its_verdict() -> None:
    """A race that is won in each planned trial is no race any more."""
    stored = counted(hang=20)
    message = contradiction(stored, repeat("ok"))

    assert f"today it is {{'ok': {stored.trials_to_see_a_failure}}}" in str(message)


@pytest.mark.parametrize("stored", [counted(hang=20), counted(raises_NameError=20)])
def test_other_exception_contradicts_a_verdict(stored: Verdict) -> None:
    """A twin that raises what it never raised fails for another reason than the documented one."""
    assert "today it is {'raises KeyError': 1}" in str(contradiction(stored, ["raises KeyError"]))


def test_plain_exception_must_come() -> None:
    """A crash at the end of a process is tried again; a twin that only crashes has changed."""
    stored = counted(raises_NameError=20)
    crash = "parent crash SIGABRT"

    assert contradiction(stored, [crash, "raises NameError"]) is None
    assert contradiction(stored, repeat(crash)) is not None


def test_recipe_without_failures_has_no_planned_trials() -> None:
    """Nothing can be demanded of a file that never failed."""
    with pytest.raises(ValueError, match="no trial failed"):
        _ = counted(ok=20).trials_to_see_a_failure


def test_joined_verdicts_count_all_trials() -> None:
    """Cells that agree are counted as one."""
    both = counted(ok=3).joined(counted(ok=2, hang=1))

    assert {"ok": 5, "hang": 1} == both.outcomes
    assert 6 == len(both.trials)
