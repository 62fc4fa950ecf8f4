"""Trials of several machines become one record."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from tests.evidence.measure.merge import main
from tests.evidence.record.store import Record
from tests.support.trials import REFUSED, TRIAL, WANTED, of_today

OTHER = of_today(replace(TRIAL, file="threads/use_rest", date="2026-11-26T16:25:00.000Z"))
LATER = replace(TRIAL, date="2026-11-26T16:26:00.000Z")


def merge(*folders: Path, records: Path) -> str:
    """Run the command; return what it said."""
    result = CliRunner().invoke(main, [*map(str, folders), f"--records={records}"])
    assert 0 == result.exit_code, result.output
    return result.output


def test_each_trial_is_added_once(tmp_path: Path) -> None:
    """Shards that overlap, or that are merged again, count nothing twice."""
    into, one, other = (Record(tmp_path / name) for name in ("records", "a", "b"))
    into.append([TRIAL])
    one.append([TRIAL, OTHER])
    other.append([OTHER, LATER])
    other.not_installed.keep(WANTED, REFUSED)
    both = one.folder, other.folder
    merge(*both, records=into.folder)

    assert (TRIAL, LATER, OTHER) == into.all_trials()
    assert [REFUSED] == into.not_installed.read()
    assert "0 trials added" in merge(*both, records=into.folder)
    assert (TRIAL, LATER, OTHER) == into.all_trials()


def test_jobs_are_described_as_they_were_elsewhere(tmp_path: Path) -> None:
    """Of another job than today's as well."""
    into, shard = Record(tmp_path / "records"), Record(tmp_path / "shard")
    shard.append([TRIAL])
    shard.describe({TRIAL.job: "what it was"})
    merge(shard.folder, records=into.folder)

    assert {TRIAL.job: "what it was"} == into.jobs()


def test_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """It is named, and nothing is merged."""
    result = CliRunner().invoke(main, [str(tmp_path / "none"), f"--records={tmp_path}"])

    assert 2 == result.exit_code
    assert "does not exist" in result.output
