"""The report of verdicts that other trials contradict."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.evidence import compare
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import append_trials
from tests.evidence.verdicts import Verdict, verdict

FILE = TRIAL.file
NEWER = replace(TRIAL, environment=replace(TRIAL.environment, grpcio="1.99.0"))
Run = Callable[..., tuple[int, str]]
"""`run(*outcomes)` compares a folder with a trial of each; returns exit code and output."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*outcomes: str) -> tuple[int, str]:
        monkeypatch.setattr(compare, "stored", lambda file, environment: verdict(file))
        append_trials([replace(NEWER, outcome=it) for it in outcomes], tmp_path / "shard")
        (tmp_path / "shard").mkdir(exist_ok=True)
        options = [str(tmp_path / "shard"), f"--report={tmp_path / 'report.md'}"]
        result = CliRunner().invoke(compare.main, options)
        return result.exit_code, result.output

    return run


def test_verdicts_that_stand_make_no_report(tmp_path: Path, run: Run) -> None:
    """Where every outcome is the stored one the exit code is 0, and there is nothing to report."""
    code, output = run("ok", "ok")

    assert 0 == code, output
    assert "1 verdicts stand" in output
    assert not (tmp_path / "report.md").exists()


def test_changed_verdict_is_reported(tmp_path: Path, run: Run) -> None:
    """It is named with the releases, and with the command that shows it again."""
    code, output = run("raises E")
    report = (tmp_path / "report.md").read_text()

    assert 1 == code
    assert "1 of 1 verdicts changed" in output
    assert f"grpcio 1.99.0, google-cloud-iam {NEWER.environment.google_cloud_iam}, fork:" in report
    assert "today it is {'raises E': 1}" in report
    assert f"noxfile.py evidence -- --recipe {FILE} --python" in report


def test_comparison_of_nothing_is_an_error(run: Run) -> None:
    """No trial is not the same as no change."""
    code, output = run()

    assert 1 == code
    assert "no trial to compare; run: python3 noxfile.py evidence" in output


def test_newest_complete_verdict_on_the_same_python_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another Python or start method has no say, nor has a cell that is not complete."""
    here = TRIAL.environment
    environments = {
        replace(here, grpcio="1.60.0"): 20,
        replace(here, grpcio="1.70.0"): 20,
        replace(here, grpcio="1.80.0"): 3,
        replace(here, grpcio="1.90.0", python="3.99.0"): 20,
        replace(here, grpcio="1.90.0", start_method="spawn"): 20,
        replace(here, grpcio="1.90.0", fork_support="1"): 20,
    }
    verdicts = {
        it: Verdict(FILE, (replace(TRIAL, environment=it),) * trials)
        for it, trials in environments.items()
    }
    monkeypatch.setattr(compare, "verdicts_by_environment", lambda file: verdicts)
    chosen = compare.stored(FILE, replace(here, grpcio="1.99.0"))
    elsewhere = compare.stored(FILE, replace(here, grpcio="1.99.0", python="3.50.0"))

    assert ["1.70.0"] == [it.grpcio for it in chosen.environments]
    assert verdict(FILE, "fork") == elsewhere
