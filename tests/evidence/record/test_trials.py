"""The record of trials."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.jobs import variants
from tests.evidence.trials import (
    Environment,
    Trial,
    all_trials,
    append_trials,
    drop_trials_of_other_texts,
    read_trials,
    recipe_files,
    record_of,
    sha256,
    text_of,
)
from tests.evidence.verdicts import verdict

TRIAL = Trial(
    file="threads/share_one_client",
    sha256="0" * 12,
    environment=Environment.here("fork"),
    process="new",
    outcome="ok",
    seconds=1.5,
    date="2026-11-26T16:24:48.123Z",
)
LINE = text_of(TRIAL).strip()


def test_stored_trials_are_valid() -> None:
    """Every line of the record is a trial, and there are some."""
    assert all_trials()


def test_trial_is_read_as_it_was_stored(tmp_path: Path) -> None:
    """A trial goes to the record and comes back equal."""
    append_trials([TRIAL, replace(TRIAL, outcome="raises ValueError")], tmp_path)

    assert (TRIAL, replace(TRIAL, outcome="raises ValueError")) == all_trials(tmp_path)


def test_trials_of_another_text_are_dropped(tmp_path: Path) -> None:
    """When a recipe was changed, the trials of today's text stay and those of others go."""
    today = replace(TRIAL, sha256=sha256(TRIAL.file))
    append_trials([TRIAL, today, TRIAL, today], tmp_path)
    drop_trials_of_other_texts(TRIAL.file, tmp_path)

    assert (today, today) == all_trials(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        f"{LINE},more",
        LINE.replace("fork,", "vfork,"),
        LINE.replace("1.5", "-1.5"),
        LINE.replace("1.5", "nan"),
        LINE.replace("1.5", "soon"),
        LINE.replace("T16:24:48.123Z", "T16:24:48"),
        LINE.replace(",ok,", ",fine,"),
        LINE.replace("0" * 12, "0" * 64),
        LINE[:-10],
    ],
)
def test_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that is not a trial is an error with its number."""
    append_trials([TRIAL], tmp_path)
    with record_of(TRIAL.file, tmp_path).open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")

    with pytest.raises(ValueError, match=r"share_one_client\.csv:3 is not a trial"):
        read_trials(TRIAL.file, tmp_path)


def test_record_without_its_columns_is_refused(tmp_path: Path) -> None:
    """Nobody has to guess what a column means."""
    record = record_of(TRIAL.file, tmp_path)
    record.parent.mkdir()
    record.write_text(text_of(TRIAL), "utf-8")

    with pytest.raises(ValueError, match=r"share_one_client\.csv:1 does not name the columns"):
        read_trials(TRIAL.file, tmp_path)


def test_outcome_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    """A trial whose outcome no page could explain is not stored."""
    with pytest.raises(Exception, match="does not match"):
        append_trials([replace(TRIAL, outcome="broken")], tmp_path)


@pytest.mark.parametrize(("file", "start_method"), variants(*recipe_files()))
def test_every_file_has_a_verdict(file: str, start_method: str) -> None:
    """A recipe was ok in each stored trial; a broken twin was not in most of them."""
    stored = verdict(file, start_method)

    assert len(stored.trials) >= 20
    if file.endswith("_broken"):
        assert stored.failures > len(stored.trials) / 2
    else:
        assert stored.failures == 0
