"""The processes below this one: adopted when orphaned, reaped, shown, killed to the last.

A process group or a session does not hold a run together: its code may leave both. The kernel's
table of parents does, as long as orphans come to us instead of to the first process.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.runner.child import SHOW_STACKS

PR_SET_CHILD_SUBREAPER = 36
LOOK_AGAIN = 0.05  # seconds after which what a dying process forked is looked for


class Tree:
    """Everything that descends from this process, even after `setsid` or a double fork.

    `ended` holds the wait status of each process that was reaped since it was last cleared.
    `empty` is True when nothing is left.
    `wakeup` becomes readable when a process ends; then call `reap`.
    """

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self.empty = True
        self.wakeup, self._alarm = socket.socketpair()
        self.wakeup.setblocking(False)
        self._alarm.setblocking(False)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _adopt_orphans()

    def fork(self) -> int:
        """Fork; the new process has forgotten that it came from here."""
        self.ended.clear()
        self.empty = False
        pid = os.fork()
        if pid == 0:
            self.empty = True
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.wakeup.close()
            self._alarm.close()
        return pid

    def reap(self) -> bool:
        """Collect every process that has ended."""
        with contextlib.suppress(BlockingIOError):
            self.wakeup.recv(1 << 16)
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self.ended[ended[0]] = ended[1]
        except ChildProcessError:
            self.empty = True
        return True

    def kill(self) -> None:
        """Kill and reap until there is nothing."""
        while not self.empty:
            for process in self._processes():
                _send(process, signal.SIGKILL)
            select.select([self.wakeup], [], [], LOOK_AGAIN)
            self.reap()

    def pids(self) -> list[int]:
        """Return the ids of the processes that are there."""
        return [process.pid for process in self._processes()]

    def command_lines(self) -> list[list[str]]:
        """Return the command lines of the processes that are alive."""
        lines = []
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    lines.append(process.cmdline())
        return lines

    def show_stacks(self, wait: Callable[[], None]) -> None:
        """Have each Python process write its stacks, one after the other, and `wait` for each.

        Workers that were forked have the main process's handler; they tell, and are then stopped.
        New interpreters tell theirs as they are aborted, which the others no longer notice.
        """
        processes = self._processes()
        answering = [each for each in processes if _catches(each, SHOW_STACKS)]
        for process in answering:
            _send(process, SHOW_STACKS)
            wait()
        for process in answering:
            _send(process, signal.SIGSTOP)
        for process in processes:
            if process not in answering and _catches(process, signal.SIGABRT):
                _send(process, signal.SIGABRT)
                wait()

    def _processes(self) -> list[psutil.Process]:
        return [] if self.empty else psutil.Process().children(recursive=True)


def _adopt_orphans() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def _send(process: psutil.Process, signal_number: signal.Signals) -> None:
    with contextlib.suppress(psutil.Error):
        process.send_signal(signal_number)


def _catches(process: psutil.Process, signal_number: signal.Signals) -> bool:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signal_number - 1) & 1)
    return False
