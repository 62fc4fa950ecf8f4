"""When there is room for one more run, and under which load a run was.

Runs are admitted by the processors, not by a number of places: most wait, for a hang or for a
service, and cost nothing then, but as many starts at once as there are places make calls miss
their deadlines. The load is the number of runnable threads for each processor, which the kernel
counts; a share of busy time would not tell two threads that compute from twenty.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from typing_extensions import Self

FULL = 96.0
"""Percent of all processors' time."""
LOOK = 0.04
LONGER_LOOK = 0.5
"""Seconds, where all places start at once: what the last one computes shows later."""
PATIENCE = 3
"""Seconds that a run waits for idle processors: other work may never leave any."""
TOO_MUCH = 10.0
"""Runnable threads for each processor: a trial under more of them is made again, not stored."""
EVERY = 0.2
"""Seconds between two looks at the load."""
KEPT = 3600
"""Looks at the load that are remembered: no trial takes longer."""


def wait_for_idle_processors(
    look: float = LOOK,
    patience: float = PATIENCE,
    busy: Callable[[float], float] = psutil.cpu_percent,
) -> None:
    """Return when they are idle for a part of so many seconds, or when patience ends.

    `busy` looks for so many seconds, and returns percent of all processors' time.
    """
    until = time.monotonic() + patience
    while busy(look) > FULL and time.monotonic() < until:
        pass


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold a lock that all processes of this user share by the path of a file."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def runnable() -> float:
    """Return how many threads are runnable for each processor, without the one that asks."""
    counts = Path("/proc/loadavg").read_text("ascii").split()[3]
    return max(0, int(counts.partition("/")[0]) - 1) / (os.cpu_count() or 1)


class Load:
    """Looks at the load in a thread of its own; a context manager, or looks once when asked."""

    def __init__(self, look: Callable[[], float] = runnable) -> None:
        self._look = look
        self._looks: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def since(self, started: float) -> float:
        """Return the mean since a time of the monotonic clock."""
        looks = [load for when, load in tuple(self._looks) if when >= started]
        return round(fmean(looks or [self._look()]), 1)

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            self._looks.append((time.monotonic(), self._look()))

    def __enter__(self) -> "Self":
        self._thread.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
