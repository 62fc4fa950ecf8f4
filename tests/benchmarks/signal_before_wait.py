"""Benchmark: how often a signal that comes just before a wait is not heard until the wait ends.

A process of its own sends each signal some microseconds after it was asked to, and the wait begins
meanwhile. What was not heard within a second has been missed.
"""

import os
import random
import signal
import threading
import time
from queue import SimpleQueue

from tests.benchmarks import results

SIGNALS = 20_000
SPREAD = 60e-6
"""Seconds after the request, at most; the wait begins within them."""


def send_on_request(requests: int, receiver: int) -> None:
    """Send a signal for each byte that is read, until the other end is closed."""
    while os.read(requests, 1):
        moment = time.perf_counter() + random.uniform(0, SPREAD)  # noqa: S311
        while time.perf_counter() < moment:
            pass
        os.kill(receiver, signal.SIGUSR1)


def unheard(signals: int) -> int:
    """Return how many of the signals did not end a wait that was about to begin."""
    heard: SimpleQueue[int] = SimpleQueue()
    signal.signal(signal.SIGUSR1, lambda number, _: heard.put(number))
    requests, ask = os.pipe()
    receiver, missed = os.getpid(), 0
    if os.fork() == 0:
        os.close(ask)
        send_on_request(requests, receiver)
        os._exit(0)
    for _ in range(signals):
        rescue = threading.Timer(1, heard.put, (0,))
        rescue.start()
        os.write(ask, b"x")
        if not heard.get():
            missed += 1
            heard.get()
        rescue.cancel()
        rescue.join()
    os.close(ask)
    os.wait()
    return missed


def main() -> None:
    """Measure, and store what was counted."""
    missed = unheard(SIGNALS)
    row: results.Row = {"signals": f"{SIGNALS:,}", "not heard in time": missed}
    results.store("signal_before_wait", [row], {"signals": SIGNALS, "unheard": missed})
    print(row)


if __name__ == "__main__":
    main()
