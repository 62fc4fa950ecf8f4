"""One fork of the matrix, and which are still to be made."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.environments import here
from tests.evidence.fork_matrix.measure import (
    CELLS,
    RELEASES,
    NoForkError,
    missing,
    try_once,
)
from tests.evidence.fork_matrix.test_trials import TRIAL
from tests.evidence.fork_matrix.trials import PROBE, ForkTrial, Setting, read_trials

HERE = here()


def fork(local_iam: LocalIAM, parent: str, child: str, fork_support: str = "unset") -> ForkTrial:
    return try_once(Setting(HERE.python, HERE.grpcio, fork_support, parent, child), HERE, local_iam)


def test_idle_parent_and_its_child_are_well(local_iam: LocalIAM) -> None:
    """The trial tells what was tried, that both were well, and how many calls the parent made."""
    trial = fork(local_iam, "idle", "fresh")

    assert (HERE.python, HERE.grpcio, "unset", "idle", "fresh") == (
        trial.python,
        trial.grpcio,
        trial.fork_support,
        trial.parent,
        trial.child,
    )
    assert ("ok", "ok") == (trial.child_outcome, trial.parent_outcome)
    assert (1, 0) == (trial.calls, trial.errors)
    assert trial.fork_seconds is not None


def test_child_that_hangs_is_told_from_its_parent(local_iam: LocalIAM) -> None:
    """With GRPC_ENABLE_FORK_SUPPORT=0 a new client hangs, where the parent has constructed one."""
    trial = fork(local_iam, "constructed", "fresh", "0")

    assert ("hang", "ok") == (trial.child_outcome, trial.parent_outcome)


def test_hang_inside_fork_is_told_from_a_hang_after_it(local_iam: LocalIAM) -> None:
    """With GRPC_ENABLE_FORK_SUPPORT=1 even a child that does nothing hangs, in os.fork() itself."""
    outcomes = {fork(local_iam, "busy", "none", "1").child_outcome for _ in range(3)}

    assert "hang in os.fork()" in outcomes


def test_parent_that_does_not_come_to_fork_makes_no_trial(local_iam: LocalIAM) -> None:
    """There is an error that tells why, and nothing that looks like an outcome."""
    local_iam.fail("PERMISSION_DENIED")

    with pytest.raises(NoForkError, match="raises PermissionDenied"):
        fork(local_iam, "idle", "fresh")


def test_probe_that_is_told_to_end_leaves_nothing_running(local_iam: LocalIAM) -> None:
    """SIGTERM ends the probe, the parent and a child that hangs."""
    probe = subprocess.Popen(
        [sys.executable, PROBE, "constructed", "fresh"],
        env={**os.environ, **local_iam.environment, "GRPC_ENABLE_FORK_SUPPORT": "0"},
    )
    try:
        below = wait_for_two(psutil.Process(probe.pid))
    finally:
        probe.terminate()
        probe.wait(30)

    assert [] == [process for process in below if process.is_running()]


def wait_for_two(process: psutil.Process) -> list[psutil.Process]:
    """Wait until a process has a child and a grandchild."""
    deadline = time.monotonic() + 60
    while len(below := process.children(recursive=True)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return below


def test_stored_forks_are_not_made_again() -> None:
    """An interrupted measurement goes on where it stopped, one trial of each setting at a time."""
    other = replace(TRIAL, child="fresh")
    settings = [TRIAL.setting, other.setting]

    assert [other.setting] + settings * 2 == list(missing(settings, 3, [TRIAL]))
    assert [] == list(missing(settings, 1, [TRIAL, other]))


def test_every_release_was_measured() -> None:
    """Each release that the command tries by default has trials of every situation."""
    seen = {(trial.grpcio, trial.parent, trial.child) for trial in read_trials()}

    assert set() == {(release, *cell) for release in RELEASES for cell in CELLS} - seen


def test_probe_prints_one_line_of_json(local_iam: LocalIAM) -> None:
    """Whoever runs the probe alone gets what the measurement gets."""
    out = subprocess.check_output(
        [sys.executable, PROBE, "imported", "none"],
        env={**os.environ, **local_iam.environment},
        text=True,
        timeout=60,
    )

    assert "ok" == json.loads(out)["child_outcome"]
