"""Benchmark: the same calls under way at once, in few or many processes.

A server that takes its time answers as fast to one process of many threads as to many processes;
what the processes cost is memory, connections and time to start.
"""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import active_children, get_context
from multiprocessing.synchronize import Barrier as BarrierType

import psutil
from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks.results import Row, store

LATENCY = 0.1
IN_FLIGHT = 16
ROUNDS = 10
MEGABYTE = 1_000_000

client: iam_credentials_v1.IAMCredentialsClient
threads: ThreadPoolExecutor


def start_worker(threads_each: int, all_workers: BarrierType) -> None:
    """Create what a worker needs, and wait until every other has it."""
    global client, threads
    client = iam_credentials_v1.IAMCredentialsClient()
    threads = ThreadPoolExecutor(threads_each)
    all_workers.wait(60)


def sign(name: str) -> None:
    client.sign_blob(name=name, payload=b"text", timeout=30)


def sign_all(names: list[str]) -> None:
    list(threads.map(sign, names))


def memory() -> int:
    """Return the bytes of all workers, each shared page divided by those that share it."""
    return sum(psutil.Process(worker.pid).memory_full_info().pss for worker in active_children())


def measure(local_iam: LocalIAM, processes: int) -> Row:
    """Make the calls in so many processes; the workers and their connections are there before."""
    threads_each = IN_FLIGHT // processes
    name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
    context = get_context("fork")
    arguments = (threads_each, context.Barrier(processes))
    with ProcessPoolExecutor(processes, context, start_worker, arguments) as workers:
        begin = time.perf_counter()
        list(workers.map(sign_all, [[name] * threads_each] * processes))
        started = time.perf_counter() - begin
        local_iam.forget()
        begin = time.perf_counter()
        list(workers.map(sign_all, [[name] * threads_each * ROUNDS] * processes))
        seconds = time.perf_counter() - begin
        used = memory()
    seen = local_iam.observe()
    return {
        "processes": processes,
        "threads in each": threads_each,
        "connections": seen.connections,
        "most calls under way": seen.most_in_flight,
        "calls a second": round(IN_FLIGHT * ROUNDS / seconds),
        "first round [s]": round(started, 2),
        "memory [MB]": round(used / MEGABYTE),
    }


def main() -> int:
    """Measure each division, print the rows, store them."""
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        local_iam.slow(LATENCY)
        rows = [measure(local_iam, processes) for processes in (1, 2, 4, 16)]
    for row in rows:
        print(row)
    store("threads_in_workers", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
