"""Recipes that run while a test looks at them, sends them signals, and kills their workers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from subprocess import PIPE

import psutil

from tests.book import BOOK, ROOT
from tests.runner import child

SECONDS = 90.0
"""What is waited for comes well within this time, on a loaded machine too."""
END = 30.0
"""Seconds in which all of it has ended; a worker that nobody ends waits longer for its call."""


class Live:
    """A recipe in a session of its own, whose id is the process's."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def session(self) -> list[psutil.Process]:
        """List what runs of it: the process, its workers, and helpers of multiprocessing."""
        return [process for process in psutil.process_iter() if self._is_part(process)]

    def workers(self) -> list[psutil.Process]:
        """List its workers, and no helper."""
        return [process for process in self.session() if self._is_worker(process)]

    def send(self, lines: Iterable[str]) -> None:
        """Write lines to its input, and end the input."""
        assert self.process.stdin
        with self.process.stdin as stdin:
            stdin.write("\n".join(lines))
        self.process.stdin = None

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to each of its processes, as a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, number)

    def finish(self) -> tuple[str, str]:
        """Wait until the process has ended; return what it printed on both outputs."""
        return self.process.communicate(timeout=SECONDS)

    def leaves_nothing(self) -> bool:
        """Wait until nothing of it runs, and fail where something runs on.

        Who has killed it asks before `finish`, which waits for workers that hold its outputs.
        """
        return wait_until(lambda: not self.session(), END)

    def _is_part(self, process: psutil.Process) -> bool:
        try:
            return (
                os.getsid(process.pid) == self.process.pid
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    def _is_worker(self, process: psutil.Process) -> bool:
        """Tell a worker from the main process and the helpers; forks of a helper are workers."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = process.parent()
            forked = parent is not None and _is_helper(parent)
            return process.pid != self.process.pid and (forked or not _is_helper(process))
        return False


def _is_helper(process: psutil.Process) -> bool:
    line = " ".join(process.cmdline())
    return any(f"multiprocessing.{name} " in line for name in ("forkserver", "resource_tracker"))


@contextlib.contextmanager
def live(
    file: str,
    *argv: str,
    start_method: str = "fork",
    stdout: int = PIPE,
    stderr: int = PIPE,
    program: Path | None = None,
) -> Iterator[Live]:
    """Start a recipe with pipes for its input and outputs; kill what is left at the end.

    `program` is run in the place of the file.
    """
    with Path(os.devnull).open("wb") as report:
        script = child.Script(
            str(program or BOOK.path(file)), list(argv), start_method, False, report.fileno()
        )
        process = subprocess.Popen(
            [sys.executable, str(child.__file__), json.dumps(script)],
            stdin=PIPE,
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            pass_fds=[report.fileno()],
            start_new_session=True,
        )
    with process:
        started = Live(process)
        try:
            yield started
        finally:
            for left in started.session():
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.kill()


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Wait until a condition holds, and fail where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return True
