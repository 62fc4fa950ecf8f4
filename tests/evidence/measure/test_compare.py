"""The report of verdicts that other trials contradict."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.evidence.measure.compare import comparable, main
from tests.evidence.record.store import Record
from tests.support.trials import TRIAL, made, of_today

TODAY = of_today(TRIAL)
FILE = TODAY.file
NEWER = replace(TODAY, environment=replace(TODAY.environment, grpcio="1.99.0"))
Compare = Callable[..., tuple[int, str]]
"""`compare(*outcomes)` compares a folder with a trial of each; returns exit code and output."""


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Record:
    return Record(tmp_path / "records")


@pytest.fixture(name="compare")
def _compare(tmp_path: Path, record: Record) -> Compare:
    def compare(*outcomes: str) -> tuple[int, str]:
        record.append(made(TODAY, {"ok": 20}))
        shard = tmp_path / "shard"
        shard.mkdir()
        Record(shard).append(replace(NEWER, outcome=outcome) for outcome in outcomes)
        options = [f"--report={tmp_path / 'report.md'}", f"--records={record.folder}"]
        result = CliRunner().invoke(main, [str(shard), *options])
        return result.exit_code, result.output

    return compare


def test_verdicts_that_stand_make_no_report(tmp_path: Path, compare: Compare) -> None:
    """Where every outcome is the stored one the exit code is 0, and there is nothing to report."""
    code, output = compare("ok", "ok")

    assert 0 == code, output
    assert "1 verdicts stand" in output
    assert not (tmp_path / "report.md").exists()


def test_changed_verdict_is_reported(tmp_path: Path, compare: Compare) -> None:
    """It is named with the releases, and with the command that shows it again."""
    code, output = compare("raises E")
    report = (tmp_path / "report.md").read_text()

    assert 1 == code
    assert "1 of 1 verdicts changed" in output
    assert f"grpcio 1.99.0, google-cloud-iam {NEWER.environment.google_cloud_iam}, fork:" in report
    assert "today it is {'raises E': 1}" in report
    assert f"noxfile.py evidence -- --recipe {FILE} --python" in report


def test_comparison_of_nothing_is_an_error(compare: Compare) -> None:
    """No trial is not the same as no change."""
    code, output = compare()

    assert 1 == code
    assert "no trial to compare; run: python3 noxfile.py evidence" in output


def test_newest_complete_verdict_on_the_same_python_is_compared(record: Record) -> None:
    """Another Python or start method has no say, nor has a cell that is not complete."""
    here = TODAY.environment
    environments = {
        replace(here, grpcio="1.60.0"): 20,
        replace(here, grpcio="1.70.0"): 20,
        replace(here, grpcio="1.80.0"): 3,
        replace(here, grpcio="1.90.0", python="3.99.0"): 20,
        replace(here, grpcio="1.90.0", start_method="spawn"): 20,
        replace(here, grpcio="1.90.0", fork_support="1"): 20,
    }
    for environment, trials in environments.items():
        record.append(made(replace(TODAY, environment=environment), {"ok": trials}))
    chosen = comparable(record, FILE, replace(here, grpcio="1.99.0"))

    assert ["1.70.0"] == [environment.grpcio for environment in chosen.environments]


def test_python_without_a_verdict_is_compared_with_what_the_tests_demand(record: Record) -> None:
    """That is the verdict of the pinned releases, on whichever Python."""
    record.append(made(TODAY, {"ok": 20}))
    elsewhere = replace(TODAY.environment, python="3.50.0", grpcio="1.99.0")

    assert record.verdict(FILE, "fork") == comparable(record, FILE, elsewhere)
