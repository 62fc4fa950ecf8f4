"""What is stored of the forks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.fork_matrix.situations import RELEASES, SITUATIONS, Situation
from tests.evidence.fork_matrix.trials import PROBE, RECORD, ForkRecord, ForkTrial
from tests.evidence.record.environment import Wanted
from tests.evidence.record.identity import program_of
from tests.support.forks import HANG, REFUSED


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    """A trial, and one whose parent did not live to say anything, come back unchanged."""
    record = ForkRecord(tmp_path)
    silent = replace(
        HANG,
        child_outcome=None,
        child_error="a, b",
        parent_outcome="hang in os.fork()",
        calls=None,
        errors=None,
        fork_seconds=None,
        load=None,
        date="2026-11-24",
    )
    for trial in (HANG, silent):
        record.append(trial)

    assert (HANG, silent) == record.trials() == record.of_today()


def test_release_that_cannot_be_installed_is_stored_beside(tmp_path: Path) -> None:
    """It stays until it can be installed."""
    record = ForkRecord(tmp_path)
    wanted = Wanted("3.11", "1.48.2")

    record.not_installed.keep(wanted, REFUSED)
    assert [REFUSED] == record.refused()
    record.not_installed.keep(wanted, None)
    assert [] == record.refused()


def test_trial_of_another_probe_has_no_say(tmp_path: Path) -> None:
    """Whoever changes the probe measures anew; what was measured before stays in the file."""
    record = ForkRecord(tmp_path)
    record.append(replace(HANG, probe="0" * 12))

    assert () == record.of_today()
    assert 1 == len(record.trials())


def test_prose_of_the_probe_costs_no_trial(tmp_path: Path) -> None:
    """A docstring and a comment may change; a number may not."""
    probe = tmp_path / "probe.py"
    record = ForkRecord(tmp_path, probe)
    record.append(HANG)
    text = PROBE.read_text("utf-8")

    for prose in ("# Because.\n" + text, text.replace('"""Probe: ', '"""The probe: ')):
        probe.write_text(prose, "utf-8")
        assert (HANG,) == record.of_today()
    probe.write_text(text.replace("THREADS = 8", "THREADS = 9"), "utf-8")
    assert () == record.of_today()


@pytest.mark.parametrize(
    "damaged",
    [
        replace(HANG, parent_outcome="bad luck"),
        replace(HANG, child_outcome="bad luck"),
        replace(HANG, situation=Situation("asleep", "reuse")),
        replace(HANG, environment=replace(HANG.environment, grpcio="new")),
        replace(HANG, calls=-1),
        replace(HANG, load=-0.5),
        replace(HANG, child_error="many words " * 10),
        replace(HANG, probe="0" * 64),
        replace(HANG, date="today"),
    ],
)
def test_what_is_no_trial_is_not_stored(tmp_path: Path, damaged: ForkTrial) -> None:
    """A value that the schema does not allow is refused, and the file stays as it is."""
    record = ForkRecord(tmp_path)
    record.append(HANG)
    stored = record.path.read_bytes()

    with pytest.raises(ValueError, match="its schema"):
        record.append(damaged)
    assert stored == record.path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace(",hang,", ",bad luck,"),
        lambda line: line.replace("busy", "asleep"),
        lambda line: line.replace(",12,", ",-1,"),
        lambda line: line.replace(",12,", ",a dozen,"),
        lambda line: line.replace(",0.002,", ",nan,"),
        lambda line: f"{line},more",
        lambda line: line[:40],
    ],
)
def test_damaged_line_is_named(tmp_path: Path, damage: Callable[[str], str]) -> None:
    """A line that is no trial is an error with its number."""
    record = ForkRecord(tmp_path)
    record.append(HANG)
    columns, line = record.path.read_text("utf-8").splitlines()
    assert damage(line) != line
    record.path.write_text(f"{columns}\n{line}\n{damage(line)}\n", "utf-8")

    with pytest.raises(ValueError, match=r"trials\.csv:3 is no row of this table"):
        record.trials()


def test_record_is_of_todays_probe() -> None:
    """Each stored fork was made by the probe as it is, and the pages have them all."""
    assert RECORD.trials()
    assert {program_of(PROBE)} == {trial.probe for trial in RECORD.trials()}
    assert RECORD.trials() == RECORD.of_today()


def test_every_release_was_measured() -> None:
    """Each release that the command tries by default has trials of every situation."""
    seen = {(trial.environment.grpcio, trial.situation) for trial in RECORD.of_today()}

    assert set() == {(release, each) for release in RELEASES for each in SITUATIONS} - seen
