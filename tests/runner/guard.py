"""Stands behind the supervisor, so that a run which ends or stops it leaves nothing running.

A run knows the process that started it, and may kill it or stop it. Only the kernel can then say
what descends from whom: orphans fall to the nearest ancestor that adopts them, which is this one.
It does nothing else and shares no process group with the supervisor, so nothing else ends it.
"""

import os
import socket
import sys
from typing import NoReturn

from tests.runner.outcome import signal_name
from tests.runner.tree import Tree


def guard(control: socket.socket) -> None:
    """Fork; return in the new process, and stay behind it in this one until all is over."""
    tree = Tree()
    supervisor = tree.fork()
    if supervisor == 0:
        os.setsid()
        return
    control.close()  # so that the runner sees the end of the supervisor's
    _stay(tree, supervisor)


def _stay(tree: Tree, supervisor: int) -> NoReturn:
    status = os.waitpid(supervisor, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status):
        print(f"it was stopped by {signal_name(os.WSTOPSIG(status))}", file=sys.stderr)
    elif os.WIFSIGNALED(status):
        print(f"it was killed by {signal_name(os.WTERMSIG(status))}", file=sys.stderr)
    tree.kill()
    sys.stderr.flush()
    os._exit(0 if status == 0 else 1)
