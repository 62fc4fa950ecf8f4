"""Which forks are still to be made, and what becomes of them."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.evidence.fork_matrix.measure import measure, missing, this_machine
from tests.evidence.fork_matrix.situations import Situation
from tests.evidence.fork_matrix.trials import ForkRecord, Setting
from tests.support.forks import HANG, HERE, QUIET


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

    assert 0 == measure(record, [setting] * 3, {(HERE.python, HERE.grpcio): HERE}, 2, QUIET)
    assert [setting] * 3 == [trial.setting for trial in record.of_today()]
    assert [0.5] * 3 == [trial.load for trial in record.of_today()]


def test_fork_that_did_not_come_is_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in no file, and the others are stored all the same."""
    record = ForkRecord(tmp_path)
    setting = Setting(HERE.python, HERE.grpcio, "unset", Situation("imported", "none"))
    impossible = setting._replace(situation=Situation("asleep", "none"))

    failed = measure(record, [impossible, setting], {(HERE.python, HERE.grpcio): HERE}, 1, QUIET)

    assert 1 == failed
    assert [setting] == [trial.setting for trial in record.of_today()]
    said = capsys.readouterr().err
    assert f"no trial: asleep:none with grpcio {HERE.grpcio}, Python {HERE.python}" in said
    assert "_become_asleep" in said


def test_machine_is_looked_at_from_a_trial_to_the_next() -> None:
    """A trial waits its turn, then has a load since its start, and a time in UTC."""
    with this_machine() as machine:
        machine.wait()
        load = machine.load_since(time.monotonic())
        ended = machine.now()

    assert load >= 0
    assert timedelta(0) == ended.utcoffset()
