"""Trials: what is stored of a run."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.evidence.record.store import RECORD
from tests.evidence.record.trials import SCHEMA, trials_table
from tests.support.trials import TRIAL

TABLE = trials_table(TRIAL.file)
LINE = TABLE.line(TRIAL).strip()
SAMPLE = 20
"""Every so manieth line of each file."""
LONGEST = 40
"""Reading all trials takes less than so many times what reading their columns takes."""


@pytest.mark.parametrize(
    "trial",
    [TRIAL, replace(TRIAL, outcome="raises ValueError", load=None, date="2026-11-26")],
    ids=["with its load", "of a time when nobody looked"],
)
def test_trial_is_read_as_it_was_stored(tmp_path: Path, trial: object) -> None:
    """A trial goes to the table and comes back equal."""
    assert isinstance(trial, type(TRIAL))
    TABLE.append(tmp_path / "trials.csv", [trial])

    assert (trial,) == TABLE.read(tmp_path / "trials.csv")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        f"{LINE},more",
        LINE.replace("fork,", "vfork,"),
        LINE.replace("1.5", "-1.5"),
        LINE.replace("1.5", "nan"),
        LINE.replace("1.5", "soon"),
        LINE.replace("0.5", "much"),
        LINE.replace("T16:24:48.123Z", "T16:24:48"),
        LINE.replace(",ok,", ",fine,"),
        LINE.replace("0" * 12, "0" * 64),
        LINE.replace("0" * 12, "", 1),
        LINE[:-10],
    ],
)
def test_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that is not a trial is an error with its number."""
    file = tmp_path / "share_one_client.csv"
    TABLE.append(file, [TRIAL])
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")

    with pytest.raises(ValueError, match=r"share_one_client\.csv:3 is no row of this table"):
        TABLE.read(file)


@pytest.mark.parametrize(
    "change", [{"outcome": "broken"}, {"seconds": float("nan")}, {"load": -1.0}, {"job": ""}]
)
def test_trial_outside_the_vocabulary_is_refused(change: dict[str, object]) -> None:
    """One that no page could explain is not stored."""
    with pytest.raises(ValueError, match=f"{next(iter(change))} is .*does not allow"):
        TABLE.line(replace(TRIAL, **change))  # type: ignore[arg-type]


def test_stored_lines_are_valid_by_the_published_schema() -> None:
    """Whoever reads them with a validator of his own finds what the schema says."""
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA | {"required": [*SCHEMA["properties"]]})
    sample = [
        row
        for path in RECORD.paths()
        for row in [*csv.DictReader(path.read_text("utf-8").splitlines())][::SAMPLE]
    ]

    assert len(sample) > 1000
    assert [] == [error for row in sample for error in validator.iter_errors(row)]


def test_every_column_is_checked_from_end_to_end() -> None:
    """A pattern without its ends would let anything by."""
    patterns = {name: stated.get("pattern") for name, stated in SCHEMA["properties"].items()}

    assert {} == {
        name: pattern
        for name, pattern in patterns.items()
        if pattern and not re.fullmatch(r"\^.*\$", pattern)
    }
