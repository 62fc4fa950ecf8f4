"""Recognises the one race that a test meets without its doing, by the stack that it leaves.

A thread that has signed has a lock of OpenSSL for a moment as it ends, after Python has let go of
it. A child that is forked in this moment waits for the lock in its first signature, for ever: the
page of the mechanics shows it and how rare it is. What hangs so is tried again; three in a row come
by chance in fewer than one of a million runs, also where processors are so busy that it is one of a
hundred.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from tests.runner import Run

TRIES = 3

Done = TypeVar("Done")

_STACK = re.compile(
    r'most recent call first\):\n  File "[^"\n]*_cryptography_rsa\.py", line \d+ in sign$',
    re.MULTILINE,
)


def tried(attempt: Callable[[], Done], run_of: Callable[[Done], Run]) -> Done:
    """Return what an attempt did that did not hang so, or the last of TRIES."""
    for _ in range(TRIES - 1):
        done = attempt()
        if not waits(run_of(done)):
            return done
    return attempt()


def waits(run: Run) -> bool:
    """Tell whether a run hung, and one of its threads stands in a signature."""
    return run.outcome.kind == "hang" and _STACK.search(run.stderr) is not None
