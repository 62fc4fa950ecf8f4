"""Forks children that answer, raise, die and hang."""

import os
import signal
import threading

from tests.safeguards.attacks import forked, say


def fail() -> None:
    raise ValueError("wrong")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    threading.Event().wait()


say("answers", forked())
say("raises", forked(fail))
say("dies", forked(die))
say("hangs", forked(hang, within=1))
try:
    say("left", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    say("left", "nothing")
