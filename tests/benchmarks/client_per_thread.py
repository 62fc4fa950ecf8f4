"""Benchmark: what it costs to make a client for each thread, against one client for all threads."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks.client_per_call import Client, measure, run, sign
from tests.benchmarks.results import store

CALLS = 1600
NUMBERS = (8, 32)

thread = threading.local()


def share(name: str, calls: int, threads: int) -> None:
    """Make the calls with one client."""
    client = Client()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: sign(client, name), range(calls)))


def own(name: str, calls: int, threads: int) -> None:
    """Make the calls with a client for each thread."""

    def start_thread() -> None:
        thread.client = Client()
        all_threads.wait()

    all_threads = threading.Barrier(threads)
    with ThreadPoolExecutor(threads, initializer=start_thread) as pool:
        list(pool.map(lambda _: sign(thread.client, name), range(calls)))


WAYS = {"one for all threads": share, "one for each thread": own}


def main() -> int:
    """Measure each way with few and with many threads, print and store the table."""
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        rows = [
            measure(local_iam, __spec__.name, way, CALLS, threads)
            for threads in NUMBERS
            for way in WAYS
        ]
    for row in rows:
        print(*row.values(), sep="\t")
    store("client_per_thread", rows)
    return 0


if __name__ == "__main__":
    sys.exit(run(WAYS) if len(sys.argv) > 1 else main())
