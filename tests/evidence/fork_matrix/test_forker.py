"""One fork of the matrix, and what is made of it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.fork_matrix.forker import ATTEMPTS, Forker, Machine, NoForkError
from tests.evidence.fork_matrix.situations import Situation
from tests.evidence.fork_matrix.trials import PROBE, ForkTrial, Setting
from tests.evidence.measure.processors import TOO_MUCH
from tests.support.forks import HERE, QUIET
from tests.support.live import wait_until


def setting(situation: Situation, fork_support: str = "unset") -> Setting:
    """Return a situation with the releases of the tests."""
    return Setting(HERE.python, HERE.grpcio, fork_support, situation)


def fork(
    local_iam: LocalIAM,
    parent: str,
    child: str,
    fork_support: str = "unset",
    machine: Machine = QUIET,
) -> ForkTrial:
    """Make one fork."""
    return Forker(local_iam, machine).fork(setting(Situation(parent, child), fork_support), HERE)


def test_idle_parent_and_its_child_are_well(local_iam: LocalIAM) -> None:
    """The trial tells what was tried, that both were well, and how many calls the parent made."""
    trial = fork(local_iam, "idle", "fresh")

    assert setting(Situation("idle", "fresh")) == trial.setting
    assert HERE.google_cloud_iam == trial.environment.google_cloud_iam
    assert ("ok", "ok") == (trial.child_outcome, trial.parent_outcome)
    assert (1, 0) == (trial.calls, trial.errors)
    assert trial.fork_seconds is not None


def test_trial_tells_load_and_time(local_iam: LocalIAM) -> None:
    """The load is that since the probe was started, the time is that of its end."""
    trial = fork(local_iam, "imported", "none")

    assert 0.5 == trial.load
    assert "2026-11-24T12:30:01.005Z" == trial.date


def test_trial_under_too_much_load_is_made_again(local_iam: LocalIAM) -> None:
    """One that was disturbed is not stored: the first is that under little load."""
    loads = iter((TOO_MUCH + 0.1, TOO_MUCH))
    machine = QUIET._replace(load_since=lambda started: next(loads))

    assert TOO_MUCH == fork(local_iam, "imported", "none", machine=machine).load


def test_machine_that_stays_loaded_makes_no_trial(local_iam: LocalIAM) -> None:
    """After some attempts there is an error, and nothing to store; each has waited its turn."""
    waited: list[None] = []
    machine = QUIET._replace(
        wait=lambda: waited.append(None), load_since=lambda started: TOO_MUCH + 1
    )

    with pytest.raises(
        NoForkError, match=f"{TOO_MUCH + 1:g} runnable threads for each processor; end"
    ):
        fork(local_iam, "imported", "none", machine=machine)
    assert ATTEMPTS == len(waited)


def test_child_that_hangs_is_told_from_its_parent(local_iam: LocalIAM) -> None:
    """With GRPC_ENABLE_FORK_SUPPORT=0 a new client hangs, where the parent has constructed one."""
    trial = fork(local_iam, "constructed", "fresh", "0")

    assert ("hang", "ok") == (trial.child_outcome, trial.parent_outcome)


def test_hang_inside_fork_is_told_from_a_hang_after_it(local_iam: LocalIAM) -> None:
    """With GRPC_ENABLE_FORK_SUPPORT=1 even a child that does nothing hangs, in os.fork() itself."""
    outcomes = (fork(local_iam, "busy", "none", "1").child_outcome for _ in range(3))

    assert any(outcome == "hang in os.fork()" for outcome in outcomes)


def test_parent_that_does_not_come_to_fork_makes_no_trial(local_iam: LocalIAM) -> None:
    """There is an error that tells why, and nothing that looks like an outcome."""
    local_iam.fail("PERMISSION_DENIED")

    with pytest.raises(NoForkError, match="raises PermissionDenied"):
        fork(local_iam, "idle", "fresh")


def test_closing_ends_the_probe_that_runs(local_iam: LocalIAM) -> None:
    """Another thread closes: probe, parent and the child that hangs end, and none starts after."""
    forker = Forker(local_iam, QUIET)
    hanging = setting(Situation("constructed", "fresh"), "0")
    ended: list[str] = []

    def fork_until_closed() -> None:
        with pytest.raises(NoForkError):
            forker.fork(hanging, HERE)
        ended.append("no trial")

    thread = threading.Thread(target=fork_until_closed)
    thread.start()
    try:
        wait_until(lambda: len(list(below_probes())) == 2)
        below = list(below_probes())
    finally:
        forker.close()
        thread.join(60)

    assert ["no trial"] == ended
    assert [] == [process for process in below if process.is_running()]
    with pytest.raises(NoForkError, match="interrupted"):
        forker.fork(hanging, HERE)


def below_probes() -> Iterator[psutil.Process]:
    """Yield what the probes that this process started have started."""
    for process in psutil.Process().children():
        if str(PROBE) in process.cmdline():
            yield from process.children(recursive=True)


def test_probe_that_is_told_to_end_leaves_nothing_running(local_iam: LocalIAM) -> None:
    """SIGTERM ends the probe, the parent and a child that hangs."""
    probe = subprocess.Popen(
        [sys.executable, PROBE, "constructed", "fresh"],
        env={**os.environ, **local_iam.environment, "GRPC_ENABLE_FORK_SUPPORT": "0"},
    )
    try:
        wait_until(lambda: len(psutil.Process(probe.pid).children(recursive=True)) == 2)
        below = psutil.Process(probe.pid).children(recursive=True)
    finally:
        probe.terminate()
        probe.wait(30)

    assert [] == [process for process in below if process.is_running()]


def test_probe_prints_one_line_of_json(local_iam: LocalIAM) -> None:
    """Whoever runs the probe alone gets what the measurement gets."""
    out = subprocess.check_output(
        [sys.executable, PROBE, "imported", "none"],
        env={**os.environ, **local_iam.environment},
        text=True,
        timeout=60,
    )

    assert "ok" == json.loads(out)["child_outcome"]
