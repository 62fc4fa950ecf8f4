"""Which forks are still to be made, and what becomes of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.fork_matrix.measure import measure, missing
from tests.evidence.fork_matrix.situations import Situation
from tests.evidence.fork_matrix.trials import ForkRecord, Setting
from tests.support.forks import HANG, HERE


def test_stored_forks_are_not_made_again() -> None:
    """An interrupted measurement goes on where it stopped, one trial of each setting at a time."""
    other = replace(HANG, situation=Situation("busy", "fresh"))
    settings = [HANG.setting, other.setting]

    assert [other.setting] + settings * 2 == list(missing(settings, 3, [HANG]))
    assert [] == list(missing(settings, 1, [HANG, other]))


def test_forks_are_stored_with_their_load(tmp_path: Path) -> None:
    """Each that is made is in the folder that was named, with what the processors had to do."""
    record = ForkRecord(tmp_path)
    setting = Setting(HERE.python, HERE.grpcio, "unset", Situation("imported", "none"))

    assert 0 == measure(record, [setting] * 3, {(HERE.python, HERE.grpcio): HERE}, 2)
    assert [setting] * 3 == [trial.setting for trial in record.of_today()]
    assert all(trial.load is not None for trial in record.of_today())


def test_fork_that_did_not_come_is_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in no file, and the others are stored all the same."""
    record = ForkRecord(tmp_path)
    setting = Setting(HERE.python, HERE.grpcio, "unset", Situation("imported", "none"))
    impossible = setting._replace(situation=Situation("asleep", "none"))

    failed = measure(record, [impossible, setting], {(HERE.python, HERE.grpcio): HERE}, 1)

    assert 1 == failed
    assert [setting] == [trial.setting for trial in record.of_today()]
    assert "no fork with" in capsys.readouterr().err
