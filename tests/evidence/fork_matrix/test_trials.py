"""What is stored of the forks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from tests.evidence.fork_matrix.trials import (
    RECORD,
    ForkTrial,
    NotInstalled,
    append,
    probe_sha,
    read,
    read_trials,
)

TRIAL = ForkTrial(
    python="3.10.1",
    grpcio="1.85.1",
    google_cloud_iam="2.27.0",
    system="Linux",
    fork_support="unset",
    parent="busy",
    child="reuse",
    child_outcome="hang",
    parent_outcome="ok",
    calls=12,
    errors=0,
    fork_seconds=0.002,
    probe=probe_sha(),
    date="2026-11-24",
)
REFUSED = NotInstalled("3.11.1", "1.48.2", "no wheel", "2026-11-24")


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    """A trial, one without a child, and a release that cannot be installed come back unchanged."""
    record = tmp_path / "trials.jsonl"
    no_child = replace(TRIAL, child_outcome=None, parent_outcome="hang in os.fork()", calls=None)
    for line in (TRIAL, no_child, REFUSED):
        append(line, record)

    assert (TRIAL, no_child, REFUSED) == read(record)
    assert (TRIAL, no_child) == read_trials(record)


def test_trial_of_another_probe_has_no_say(tmp_path: Path) -> None:
    """Whoever changes the probe measures anew."""
    record = tmp_path / "trials.jsonl"
    append(replace(TRIAL, probe="0" * 12), record)

    assert () == read(record)


@pytest.mark.parametrize(
    "change",
    [{"parent_outcome": "bad luck"}, {"parent": "asleep"}, {"grpcio": "new"}, {"calls": -1}],
)
def test_what_is_no_trial_is_an_error(tmp_path: Path, change: dict[str, Any]) -> None:
    """A wrong value is not stored, and one that is there all the same is named by its line."""
    record = tmp_path / "trials.jsonl"
    append(TRIAL, record)
    stored = record.read_text("utf-8")
    with pytest.raises(ValidationError):
        append(replace(TRIAL, **change), record)
    assert stored == record.read_text("utf-8")

    record.write_text(stored + json.dumps({**json.loads(stored), **change}) + "\n", "utf-8")
    with pytest.raises(ValueError, match=r"trials\.jsonl:2 is not of the schema"):
        read(record)


def test_record_is_of_todays_probe() -> None:
    """Each stored fork was made by the probe as it is, and the pages have them all."""
    lines = RECORD.read_text("utf-8").splitlines()

    assert lines
    assert len(lines) == len(read())
