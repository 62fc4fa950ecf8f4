"""Makes one fork: runs the probe, bounded, and says under which load it was.

No runner of recipes does this, for the probe watches its own fork and has to be its parent's
parent. What is told to end is told by SIGTERM, since only the probe knows what it has started.
"""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from recipes.testing.local_iam import LocalIAM
from tests.evidence.fork_matrix.trials import PROBE, ForkTrial, Setting, fork_environment
from tests.evidence.measure.interpreters import Interpreter
from tests.evidence.measure.processors import TOO_MUCH
from tests.evidence.record.identity import program_of

PATIENCE = 180.0
"""Seconds, far beyond the limits of the probe."""
ATTEMPTS = 3
"""A trial under too much load is made again at once so often, then by the next command."""


class NoForkError(Exception):
    """The parent ended, or was still not ready at the limit, before it forked."""


class Machine(NamedTuple):
    """What a trial asks of the machine it runs on: when to start, the load since, the time."""

    wait: Callable[[], None]
    load_since: Callable[[float], float]
    now: Callable[[], datetime]


class Forker:
    """Runs the probe, one at a time, against a local IAM that nothing else uses meanwhile."""

    def __init__(self, local_iam: LocalIAM, machine: Machine) -> None:
        self._local_iam = local_iam
        self._machine = machine
        self._lock = Lock()
        self._probe: subprocess.Popen[str] | None = None
        self._closed = False

    def fork(self, setting: Setting, interpreter: Interpreter) -> ForkTrial:
        """Make one trial.

        Raises NoForkError with what the probe wrote where it came to no fork, and where the
        processors had too much else to do each time.
        """
        for _ in range(ATTEMPTS):
            self._machine.wait()
            started = time.monotonic()
            told = self._told(setting, interpreter)
            load = self._machine.load_since(started)
            if load <= TOO_MUCH:
                return trial_of(told, setting, load, self._machine.now())
        raise NoForkError(
            f"{setting}: {load:g} runnable threads for each processor; end what else computes"
        )

    def close(self) -> None:
        """End the probe that runs, and let none start."""
        with self._lock:
            self._closed = True
            if self._probe is not None:
                self._probe.terminate()  # its answer to this is to kill what it started

    def _told(self, setting: Setting, interpreter: Interpreter) -> str:
        with self._started(setting, interpreter) as probe:
            try:
                out, err = probe.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired as error:
                raise NoForkError(f"{setting}: no end in {PATIENCE:.0f} seconds") from error
            finally:
                probe.terminate()
        if probe.returncode:
            raise NoForkError(f"{setting}: no fork; the probe wrote: {err[-2000:].strip()}")
        return out

    def _started(self, setting: Setting, interpreter: Interpreter) -> "subprocess.Popen[str]":
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("GRPC_", "PYTHON"))}
        if setting.fork_support != "unset":
            variables["GRPC_ENABLE_FORK_SUPPORT"] = setting.fork_support
        with self._lock:
            if self._closed:
                raise NoForkError(f"{setting}: interrupted before it started")
            self._probe = subprocess.Popen(
                [interpreter.path, PROBE, *setting.situation],
                env={**variables, **self._local_iam.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            return self._probe


def trial_of(told: str, setting: Setting, load: float, ended: datetime) -> ForkTrial:
    """Return what the probe told as a trial to store."""
    columns = json.loads(told)
    names = ("python", "grpcio", "google_cloud_iam", "fork_support")
    environment = fork_environment(*(columns.pop(name) for name in names), platform.system())
    return ForkTrial(
        **{name: value for name, value in columns.items() if name not in ("parent", "child")},
        probe=program_of(PROBE),
        environment=environment,
        situation=setting.situation,
        load=load,
        date=ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
