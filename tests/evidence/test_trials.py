"""The record of trials."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.evidence.trials import (
    Environment,
    Trial,
    append_trial,
    read_trials,
    recipe_files,
)
from tests.evidence.verdicts import verdict
from tests.runner import START_METHODS

TRIAL = Trial(
    file="threads/share_one_client",
    sha256="0" * 64,
    environment=Environment.here("fork"),
    outcome="ok",
    seconds=1.5,
    date="2026-11-22",
)


def test_stored_trials_are_valid() -> None:
    """Every line of the record is a trial, and there are some."""
    assert read_trials()


def test_trial_is_read_as_it_was_stored(tmp_path: Path) -> None:
    """A trial goes to the record and comes back equal."""
    record = tmp_path / "trials.jsonl"
    append_trial(TRIAL, record)
    append_trial(replace(TRIAL, outcome="raises ValueError"), record)

    assert (TRIAL, replace(TRIAL, outcome="raises ValueError")) == read_trials(record)


@pytest.mark.parametrize("line", ["{", "{}", json.dumps({**asdict(TRIAL), "more": 1})])
def test_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that is not a trial is an error with its number."""
    record = tmp_path / "trials.jsonl"
    append_trial(TRIAL, record)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")

    with pytest.raises(ValueError, match=r"trials\.jsonl:2 is not a trial"):
        read_trials(record)


def test_outcome_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    """A trial whose outcome no page could explain is not stored."""
    with pytest.raises(Exception, match="does not match"):
        append_trial(replace(TRIAL, outcome="broken"), tmp_path / "trials.jsonl")


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("file", recipe_files())
def test_every_file_has_a_verdict(file: str, start_method: str) -> None:
    """A recipe was ok in each stored trial; a broken twin was not in most of them."""
    stored = verdict(file, start_method)

    assert len(stored.trials) >= 20
    if file.endswith("_broken"):
        assert stored.failures > len(stored.trials) / 2
    else:
        assert stored.failures == 0
