"""The report of verdicts that the installed releases contradict."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.evidence import compare, today
from tests.evidence.trials import Environment
from tests.evidence.verdicts import Verdict, verdict

FILE = "threads/share_one_client"


def run(report: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Compare one recipe alone; return the exit code and the output."""
    monkeypatch.setattr(compare, "variants", lambda *files: [(FILE, "fork")])
    result = CliRunner().invoke(compare.main, [f"--report={report}"])
    return result.exit_code, result.output


def test_verdicts_that_stand_make_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every outcome is the stored one the exit code is 0, and there is nothing to report."""
    code, output = run(tmp_path / "report.md", monkeypatch)

    assert 0 == code, output
    assert "1 verdicts stand" in output
    assert not (tmp_path / "report.md").exists()


def test_changed_verdict_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored verdict that today contradicts is named with the versions; the exit code is 1."""

    def always_raised(*cell: str) -> Verdict:
        stored = verdict(*cell)
        return Verdict(
            stored.file, tuple(replace(trial, outcome="raises E") for trial in stored.trials)
        )

    monkeypatch.setattr(today, "verdict", always_raised)
    code, _ = run(tmp_path / "report.md", monkeypatch)
    report = (tmp_path / "report.md").read_text()

    assert 1 == code
    assert f"grpcio {Environment.here('fork').grpcio}" in report
    assert f"- fork: {FILE}: stored is {{'raises E':" in report
