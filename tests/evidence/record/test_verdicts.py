"""How verdicts are counted, and what contradicts them."""

from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest

from tests.evidence import verdicts
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import append_trials, read_trials, record_of
from tests.evidence.verdicts import (
    LOADED,
    RUNS_WITHOUT_A_FALSE_ALARM,
    Verdict,
    contradiction,
    verdicts_by_environment,
)


def counted(**outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome; `raises_X` stands for `raises X`."""
    trials = [
        replace(TRIAL, outcome=name.replace("_", " "))
        for name, count in outcomes.items()
        for _ in range(count)
    ]
    return Verdict("processes/a_broken", tuple(trials))


def test_failures_are_the_trials_that_were_not_ok() -> None:
    """Every outcome but ok counts as a failure."""
    assert 3 == counted(ok=4, hang=2, lost=1).failures


def test_frequency_is_the_wilson_interval() -> None:
    """The interval of 5 failures in 20 trials agrees with published tables."""
    low, high = counted(ok=15, hang=5).frequency

    assert (0.112, 0.469) == (round(low, 3), round(high, 3))


def test_planned_trials_make_a_false_alarm_rarer_than_one_in_a_million() -> None:
    """So many trials all pass with less than that probability; one fewer does not suffice."""
    stored = counted(ok=10, hang=10)
    passes = 1 - LOADED * stored.frequency[0]
    planned = stored.trials_to_see_a_failure

    assert passes**planned <= 1 / RUNS_WITHOUT_A_FALSE_ALARM < passes ** (planned - 1)


def test_trials_of_another_text_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that was changed has no verdict, and the error says how to make one."""
    monkeypatch.setattr(verdicts, "sha256", lambda file: "0" * 64)

    with pytest.raises(LookupError, match="evidence -- --recipe threads/share_one_client"):
        verdicts.verdict("threads/share_one_client")


def test_recipe_that_fails_contradicts_its_verdict() -> None:
    """One failure of a recipe that never failed is enough."""
    assert "today it is {'hang': 1}" in str(contradiction(counted(ok=20), ["hang"]))
    assert contradiction(counted(ok=20), ["ok"]) is None


def test_race_may_be_won_before_it_is_lost() -> None:
    """A twin that fails at the third trial stands by its verdict, in whichever way it fails."""
    assert contradiction(counted(ok=2, hang=18), ["ok", "ok", "hang"]) is None
    assert contradiction(counted(hang=20), ["ok", "crash SIGSEGV"]) is None


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


def test_new_trials_are_counted_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted once is counted again as soon as the record has grown."""
    monkeypatch.setattr(verdicts, "sha256", lambda file: TRIAL.sha256)
    monkeypatch.setattr(verdicts, "record_of", partial(record_of, records=tmp_path))
    monkeypatch.setattr(verdicts, "read_trials", partial(read_trials, records=tmp_path))
    lost = replace(TRIAL, outcome="lost")
    counts = [verdicts_by_environment(TRIAL.file)]
    for trial in (TRIAL, lost):
        append_trials([trial], tmp_path)
        counts.append(verdicts_by_environment(TRIAL.file))

    assert [
        {},
        {TRIAL.environment: Verdict(TRIAL.file, (TRIAL,))},
        {TRIAL.environment: Verdict(TRIAL.file, (TRIAL, lost))},
    ] == counts


def test_other_releases_have_no_say_in_what_the_tests_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A verdict counts the trials with the pinned releases alone."""
    older = replace(TRIAL, environment=replace(TRIAL.environment, grpcio="1.41.1"))
    monkeypatch.setattr(verdicts, "trials_of_today", lambda file: [TRIAL, older])

    assert (TRIAL,) == verdicts.verdict(TRIAL.file).trials
