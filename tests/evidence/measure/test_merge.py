"""Trials of several machines become one record."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from tests.evidence.environments import keep, refused
from tests.evidence.merge import main
from tests.evidence.test_environments import REFUSED, WANTED
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import all_trials, append_trials

OTHER = replace(TRIAL, file="threads/use_rest", date="2026-11-26T16:25:00.000Z")
LATER = replace(TRIAL, date="2026-11-26T16:26:00.000Z")


def merge(*folders: Path, records: Path) -> str:
    result = CliRunner().invoke(main, [*map(str, folders), f"--records={records}"])
    assert 0 == result.exit_code, result.output
    return result.output


def test_each_trial_is_added_once(tmp_path: Path) -> None:
    """Shards that overlap, or that are merged again, count nothing twice."""
    append_trials([TRIAL], tmp_path / "records")
    append_trials([TRIAL, OTHER], tmp_path / "a")
    append_trials([OTHER, LATER], tmp_path / "b")
    keep(WANTED, REFUSED, tmp_path / "b")
    both = tmp_path / "a", tmp_path / "b"
    merge(*both, records=tmp_path / "records")

    assert (TRIAL, LATER, OTHER) == all_trials(tmp_path / "records")
    assert [REFUSED] == refused(tmp_path / "records")
    assert "0 trials added" in merge(*both, records=tmp_path / "records")
    assert (TRIAL, LATER, OTHER) == all_trials(tmp_path / "records")


def test_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """It is named, and nothing is merged."""
    result = CliRunner().invoke(main, [str(tmp_path / "none"), f"--records={tmp_path}"])

    assert 2 == result.exit_code
    assert "does not exist" in result.output
