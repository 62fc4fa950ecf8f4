"""Runs a Python file as a real `__main__`, in a process of its own, until it ends or a deadline.

The process that starts the runs is never this one: pytest has threads and channels, which no fork
survives, and it must be able to lose a run, or all of them, without being hurt.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import psutil

from tests.book import ROOT
from tests.runner.libraries import read_early
from tests.runner.outcome import Argument, Outcome, Printed, Run, outcome_of_process
from tests.runner.protocol import Reply, Request, receive, send

if TYPE_CHECKING:
    from typing_extensions import Self

PATIENCE = 60.0  # seconds beyond the deadline in which the supervisor must have answered


class RunnerError(Exception):
    """The machinery failed, not the script; or the script has brought it down."""


@dataclass(frozen=True)
class Command:
    """What a run is given: a script, and all that it finds when it begins.

    After `deadline` seconds it hangs, and is ended.
    With `until_stuck` it is ended, and hangs, some seconds after nothing can happen in it any more:
    each of its threads waits without a limit for another. A run that waits for anybody else, or
    for some time, is never ended early.
    `start_method` is set before the script begins, which then cannot set its own.
    With `ahead`, no more than so many lines of `stdin` are sent ahead of the lines that the script
    prints on both outputs.
    `environment` holds variables of this run, on top of the runner's and those of this process;
    None takes a variable away.
    `cwd` is this process's folder unless given.
    `descriptors` limits the open files of the script's processes.
    """

    script: Path
    argv: Sequence[str] = ()
    _: KW_ONLY
    deadline: float
    until_stuck: bool = False
    start_method: str | None = None
    stdin: str = ""
    ahead: int | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    record_prints: bool = False
    descriptors: int | None = None

    def request(self, python: str | None, variables: dict[str, str]) -> Request:
        """Return what the supervisor is to start; FileNotFoundError where a path is not there."""
        return {
            "python": python,
            "script": str(self.script.resolve(strict=True)),
            "argv": list(self.argv),
            "start_method": self.start_method,
            "record_prints": self.record_prints,
            "stdin": self.stdin,
            "ahead": self.ahead,
            "environment": variables,
            "cwd": str((self.cwd or Path.cwd()).resolve(strict=True)),
            "deadline": self.deadline,
            "until_stuck": self.until_stuck,
            "descriptors": self.descriptors,
        }


class Runner:
    """What both runners do. Not for several threads at once; a context manager, or call `close`."""

    mode: Literal["fork", "execute"]

    def __init__(self, python: str | Path, environment: Mapping[str, str] | None) -> None:
        found = shutil.which(python)
        if found is None:
            raise FileNotFoundError(f"{python} is no Python interpreter that can be started")
        self._python = str(Path(found).absolute())
        self._environment = dict(environment or {})
        self._supervisor: _Supervisor | None = None

    def run(self, command: Command) -> Run:
        """Run a command, and kill whatever is left of it.

        RunnerError means that nothing can be said of it, and that nothing of it is running.
        """
        supervisor = self._supervisor or self._start()
        wanted = {**os.environ, **self._environment, **command.environment}
        variables = {name: value for name, value in wanted.items() if value is not None}
        request = command.request(self._interpreter(supervisor, variables), variables)
        try:
            return _run_of(request, supervisor.ask(request))
        except BaseException:
            self._supervisor = None
            raise

    def close(self) -> None:
        """End the process that starts the runs."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None

    def _start(self) -> "_Supervisor":
        python = self._python if self.mode == "fork" else sys.executable
        self._supervisor = _Supervisor(self.mode, {**os.environ, **self._environment}, python)
        return self._supervisor

    def _interpreter(self, supervisor: "_Supervisor", variables: dict[str, str]) -> str | None:
        """Return the interpreter to start, or None to fork the supervisor."""
        raise NotImplementedError

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class InterpreterRunner(Runner):
    """Runs each script in a new interpreter; any Python from 3.10 on.

    `environment` holds variables of every run, on top of those of this process.
    """

    mode = "execute"

    def __init__(
        self,
        python: str | Path = sys.executable,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(python, environment)

    def _interpreter(self, supervisor: "_Supervisor", variables: dict[str, str]) -> str:
        return self._python


class ForkRunner(Runner):
    """Runs each script in a fork of one process that has imported the clients but has no channel.

    A run whose environment differs in a variable that was read at those imports, such as
    GRPC_ENABLE_FORK_SUPPORT, gets a new interpreter (`Run.new_interpreter` is True).
    Give such a variable to the constructor to have it in every run.
    Another `python` needs psutil beside the clients.
    """

    mode = "fork"

    def __init__(
        self,
        python: str | Path = sys.executable,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(python, environment)

    def _interpreter(self, supervisor: "_Supervisor", variables: dict[str, str]) -> str | None:
        same = read_early(variables) == read_early(supervisor.environment)
        return None if same else self._python


class _Supervisor:
    """The process that starts and watches the runs of one runner, and the guard behind it."""

    def __init__(self, mode: str, environment: dict[str, str], python: str) -> None:
        self.environment = environment
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._control, theirs = socket.socketpair()
        with theirs:
            self._guard = subprocess.Popen(
                [python, "-m", "tests.runner.supervisor", str(theirs.fileno()), mode],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                start_new_session=True,
            )
        try:
            self._answer(PATIENCE, "it started")
        except BaseException:
            self.close()
            raise

    def ask(self, request: Request) -> Reply:
        """Run and return what happened; whatever interrupts the wait ends the run."""
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # the answer says why
                send(self._control, request)
            seconds = request["deadline"] + PATIENCE
            reply: Reply = self._answer(seconds, f"{request['script']} ran")
        except BaseException:
            self.close()
            raise
        return reply

    def close(self) -> None:
        """End the supervisor, which ends its run."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # a fork of this process may hold it open
        self._control.close()
        self._wait()
        self._log.close()

    def _wait(self) -> None:
        """Wait until the guard has seen that nothing is left; without patience, see to it here."""
        try:
            self._guard.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for process in psutil.Process(self._guard.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._guard.kill()
            self._guard.wait()

    def _answer(self, seconds: float, while_: str) -> Any:
        """Return the supervisor's next message."""
        self._control.settimeout(seconds)
        try:
            message = receive(self._control)
        except TimeoutError:
            raise RunnerError(
                f"the supervisor of runs was silent for {seconds} s while {while_}"
            ) from None
        if message is None:
            self._wait()  # then the last word is said
            raise RunnerError(
                f"the supervisor of runs has ended while {while_}:\n{self._last_words()}"
            )
        return message

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]


def _run_of(request: Request, reply: Reply) -> Run:
    status = reply["status"]
    return Run(
        script=Path(request["script"]),
        outcome=Outcome("hang") if status is None else outcome_of_process(status, reply["raised"]),
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
