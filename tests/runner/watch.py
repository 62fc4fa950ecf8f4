"""Watches one run from its start to its end, in the supervisor.

One loop waits for all that can happen: output, the end of a process, the runner going away, the
deadline. Every output is read as it comes, because a run that fills a pipe would wait for us.
"""

import selectors
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.runner import child
from tests.runner.output import Output
from tests.runner.pipes import Pipes
from tests.runner.protocol import Reply, Request
from tests.runner.report import read_report
from tests.runner.stuck import Stuck
from tests.runner.tree import Tree

GRACE = 5.0  # seconds in which helpers of multiprocessing end after the main process
LOOK = 1.0  # seconds after which a run is looked at again that may be stuck
QUIET = 0.1  # seconds without output after which a process has shown its stacks
SHOWN = 5.0  # seconds after which it is waited for no longer


class RunnerGoneError(Exception):
    """The runner closed its end of the socket."""


class Watch:
    """The watch over the process `main` and all below it; call `until_over` once."""

    def __init__(
        self, tree: Tree, main: int, request: Request, pipes: Pipes, control: socket.socket
    ) -> None:
        self._tree = tree
        self._main = main
        self._request = request
        self._pipes = pipes
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._started = time.monotonic()

    def until_over(self) -> Reply:
        """Wait until the main process ends or the time is up, then end what is left.

        Raises RunnerGoneError when nobody waits for the reply any more.
        """
        self._pipes.leave_to_run()
        self._pipes.answer()
        with self._selector:
            self._listen()
            self._wait_for_end()
            seconds = time.monotonic() - self._started
            status = self._tree.ended.get(self._main)
            self._pipes.source.hold()
            left_behind = self._show_stacks() if status is None else self._leftovers()
        self._tree.kill()
        self._pipes.close()
        return self._reply(status, seconds, left_behind)

    def _listen(self) -> None:
        listen = partial(self._selector.register, events=selectors.EVENT_READ)
        listen(self._control, data=self._runner_is_there)
        listen(self._tree.wakeup, data=self._tree.reap)
        for output in self._pipes:
            listen(output.source, data=partial(self._read, output))

    def _wait_for_end(self) -> None:
        """Wait until the main process ends, the time is up, or there is nothing to wait for."""
        until = self._started + self._request["deadline"]
        stuck = Stuck()
        while not self._main_has_ended() and (left := until - time.monotonic()) > 0:
            look = self._request["until_stuck"]
            self._wait(min(left, LOOK) if look else left, self._main_has_ended)
            if look and not self._main_has_ended() and stuck.look(self._tree.pids()):
                return

    def _wait(self, seconds: float, done: Callable[[], bool]) -> None:
        """Handle what arrives until something is done or the seconds are over."""
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                still_open: bool = key.data()
                if not still_open:
                    self._selector.unregister(key.fileobj)

    def _main_has_ended(self) -> bool:
        return self._main in self._tree.ended

    def _read(self, output: Output) -> bool:
        still_open = output.drain()
        self._pipes.answer()
        return still_open

    def _runner_is_there(self) -> bool:
        if not self._control.recv(1, socket.MSG_PEEK):
            raise RunnerGoneError
        return True

    def _leftovers(self) -> list[str]:
        """Return the command lines of what outlives the main process, once helpers had time."""
        self._wait(GRACE, lambda: self._tree.empty)
        return [self._name(line) for line in self._tree.command_lines()]

    def _show_stacks(self) -> list[str]:
        """Have the processes of a hang show where they wait; it leaves nothing, it never ended."""
        self._tree.show_stacks(self._wait_until_quiet)
        return []

    def _wait_until_quiet(self) -> None:
        """Wait until something was written to the standard error, and nothing more comes."""
        until = time.monotonic() + SHOWN
        size = self._pipes.err.size
        self._wait(SHOWN, lambda: self._pipes.err.size > size)
        while size < self._pipes.err.size and time.monotonic() < until:
            size = self._pipes.err.size
            self._wait(QUIET, lambda: False)

    def _name(self, command_line: list[str]) -> str:
        """Show a process that was forked from the script's as the script."""
        if child.__file__ in command_line or command_line[1:3] == sys.orig_argv[1:3]:
            return f"{Path(sys.executable).name} {self._request['script']}"
        return " ".join(command_line)

    def _reply(self, status: int | None, seconds: float, left_behind: list[str]) -> Reply:
        report = read_report(self._pipes.report.text())
        return {
            "status": status,
            "raised": report.raised,
            "printed": report.printed,
            "stdout": self._pipes.out.text(),
            "stderr": self._pipes.err.text() + report.note(),
            "seconds": seconds,
            "left_behind": left_behind,
        }
