"""Runs one Python file as a real `__main__`, in a process of its own, until it ends or a deadline."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

import psutil

from tests.runner.libraries import read_early
from tests.runner.outcome import Argument, Outcome, Printed, Run, outcome_of_process
from tests.runner.supervisor import Reply, Request

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds beyond the deadline in which the supervisor must have answered


class RunnerError(Exception):
    """The machinery failed, not the script."""


class _Supervisor:
    """The process that starts and watches the runs of one runner."""

    def __init__(self, mode: Literal["fork", "execute"], environment: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.runner.supervisor", str(theirs.fileno()), mode],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                start_new_session=True,
            )
        self._answer(PATIENCE)

    def ask(self, request: Request) -> Reply:
        """Run and return what happened; whatever interrupts the wait ends the run."""
        try:
            self._control.sendall(json.dumps(request).encode() + b"\n")
            reply: Reply = json.loads(self._answer(request["deadline"] + PATIENCE))
        except BaseException:
            self.close()
            raise
        return reply

    def close(self) -> None:
        """End the supervisor, which ends its run."""
        self._control.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for process in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _answer(self, seconds: float) -> bytes:
        self._control.settimeout(seconds)
        data = bytearray()
        while not data.endswith(b"\n"):
            try:
                received = self._control.recv(1 << 20)
            except TimeoutError:
                raise RunnerError(f"the supervisor of runs was silent for {seconds} s") from None
            if not received:
                raise RunnerError(f"the supervisor of runs has ended:\n{self._last_words()}")
            data += received
        return bytes(data)

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]


class InterpreterRunner:
    """Runs each script in a new interpreter; any Python from 3.10 on.

    `environment` holds variables of every run, on top of those of this process.
    Not for use from several threads at once. A context manager, or call `close`.
    """

    def __init__(
        self,
        python: str | Path = sys.executable,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        found = shutil.which(python)
        if found is None:
            raise FileNotFoundError(f"{python} is no Python interpreter that can be started")
        self._python: str | None = os.path.abspath(found)
        self._environment = dict(environment or {})
        self._supervisor: _Supervisor | None = None

    def run(
        self,
        script: Path,
        argv: Sequence[str] = (),
        *,
        deadline: float,
        start_method: str | None = None,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        record_prints: bool = False,
    ) -> Run:
        """Run the script for at most `deadline` seconds, and kill whatever is left of it.

        `start_method` is set before the script begins, which then cannot set its own.
        `environment` holds variables of this run, on top of the runner's and those of this process.
        `cwd` is this process's folder unless given.
        RunnerError means that the runner failed, not the script.
        """
        variables = {**os.environ, **self._environment, **(environment or {})}
        return self._run(
            {
                "python": self._python,
                "script": str(script.resolve(strict=True)),
                "argv": list(argv),
                "start_method": start_method,
                "record_prints": record_prints,
                "stdin": stdin,
                "environment": variables,
                "cwd": str((cwd or Path.cwd()).resolve(strict=True)),
                "deadline": deadline,
            }
        )

    def _run(self, request: Request) -> Run:
        if self._supervisor is None:
            self._supervisor = self._start_supervisor()
        try:
            reply = self._supervisor.ask(request)
        except BaseException:
            self._supervisor = None
            raise
        status = reply["status"]
        return Run(
            script=Path(request["script"]),
            outcome=Outcome("hang")
            if status is None
            else outcome_of_process(status, reply["raised"]),
            stdout=reply["stdout"],
            stderr=reply["stderr"],
            seconds=reply["seconds"],
            printed=[
                Printed(line, sep, [Argument(*arg) for arg in args])
                for line, sep, args in reply["printed"]
            ],
            left_behind=reply["left_behind"],
            new_interpreter=request["python"] is not None,
        )

    def _start_supervisor(self) -> _Supervisor:
        return _Supervisor("execute", {**os.environ, **self._environment})

    def close(self) -> None:
        """End the process that starts the runs."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None

    def __enter__(self) -> "InterpreterRunner":
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ForkRunner(InterpreterRunner):
    """Runs each script in a fork of one process that has imported the clients and opened no channel.

    A run whose environment differs in a variable that was read at those imports, such as
    GRPC_ENABLE_FORK_SUPPORT, gets a new interpreter (`Run.new_interpreter` is True).
    Give such a variable to the constructor to have it in every run.
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(environment=environment)
        self._early: dict[str, str] = {}

    def __enter__(self) -> "ForkRunner":
        return self

    def _run(self, request: Request) -> Run:
        if self._supervisor is None:
            self._supervisor = self._start_supervisor()
        if read_early(request["environment"]) == self._early:
            request["python"] = None
        return super()._run(request)

    def _start_supervisor(self) -> _Supervisor:
        environment = {**os.environ, **self._environment}
        self._early = read_early(environment)
        return _Supervisor("fork", environment)
