"""List the keys of many service accounts in one of several ways, and print as JSON what it took.

Usage: python -m tests.benchmarks.programs.ways_to_call WAY CALLS
Ways: see WAYS. Which accounts there are, and where the service is, stands in the environment.
"""

import asyncio
import json
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from multiprocessing import get_context

from google.cloud import iam_admin_v1

from recipes.testing.local_iam import LocalIAMControl

AT_ONCE = 16
"""Calls under way in each way but the first, and those that have MANY."""
MANY = 64
CLIENTS = 4
WORKERS = 2
DEADLINE = 60
CHUNK = 5
"""Accounts that a process takes at once, for each of its threads."""

Call = tuple[float, float]
"""When a call began and when it was answered, on the clock that all processes share."""

client: iam_admin_v1.IAMClient
threads: ThreadPoolExecutor


def list_keys(client: iam_admin_v1.IAMClient, name: str) -> Call:
    begin = time.monotonic()
    client.list_service_account_keys(name=name, timeout=DEADLINE)
    return begin, time.monotonic()


def one_thread(names: list[str]) -> list[Call]:
    client = iam_admin_v1.IAMClient()
    return [list_keys(client, name) for name in names]


def shared_client(at_once: int, names: list[str]) -> list[Call]:
    client = iam_admin_v1.IAMClient()
    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(partial(list_keys, client), names))


def client_per_thread(names: list[str]) -> list[Call]:
    own = threading.local()

    def start_thread() -> None:
        own.client = iam_admin_v1.IAMClient()

    with ThreadPoolExecutor(AT_ONCE, initializer=start_thread) as threads:
        return list(threads.map(lambda name: list_keys(own.client, name), names))


def clients_in_turn(names: list[str]) -> list[Call]:
    clients = [iam_admin_v1.IAMClient() for _ in range(CLIENTS)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(list_keys, cycle(clients), names))


def event_loop(at_once: int, names: list[str]) -> list[Call]:
    return asyncio.run(in_event_loop(at_once, iter(names)))


async def in_event_loop(at_once: int, names: Iterator[str]) -> list[Call]:
    """Let so many coroutines take one account after the other."""
    client = iam_admin_v1.IAMAsyncClient()
    calls: list[Call] = []

    async def work() -> None:
        for name in names:
            begin = time.monotonic()
            await client.list_service_account_keys(name=name, timeout=DEADLINE)
            calls.append((begin, time.monotonic()))

    await asyncio.gather(*(work() for _ in range(at_once)))
    await client.transport.close()
    return calls


def start_worker(threads_each: int) -> None:
    """Runs once in each worker, after the fork."""
    global client, threads
    client = iam_admin_v1.IAMClient()
    threads = ThreadPoolExecutor(threads_each)


def list_in_worker(name: str) -> Call:
    return list_keys(client, name)


def list_in_threads(names: list[str]) -> list[Call]:
    """Runs in a worker, which waits here for its threads."""
    return list(threads.map(list_in_worker, names))


def processes(names: list[str]) -> list[Call]:
    with ProcessPoolExecutor(AT_ONCE, get_context("fork"), start_worker, (1,)) as workers:
        return list(workers.map(list_in_worker, names, chunksize=CHUNK))


def threads_in_processes(names: list[str]) -> list[Call]:
    threads_each = AT_ONCE // WORKERS
    size = CHUNK * threads_each
    chunks = [names[start : start + size] for start in range(0, len(names), size)]
    arguments = (WORKERS, get_context("fork"), start_worker, (threads_each,))
    with ProcessPoolExecutor(*arguments) as workers:
        return [call for chunk in workers.map(list_in_threads, chunks) for call in chunk]


WAYS: dict[str, Callable[[list[str]], list[Call]]] = {
    "one thread": one_thread,
    f"{AT_ONCE} threads, one client": partial(shared_client, AT_ONCE),
    f"{MANY} threads, one client": partial(shared_client, MANY),
    f"{AT_ONCE} threads, a client each": client_per_thread,
    f"{AT_ONCE} threads, {CLIENTS} clients in turn": clients_in_turn,
    f"asyncio, {AT_ONCE} at once": partial(event_loop, AT_ONCE),
    f"asyncio, {MANY} at once": partial(event_loop, MANY),
    f"{AT_ONCE} processes": processes,
    f"{WORKERS} processes of {AT_ONCE // WORKERS} threads": threads_in_processes,
}


def cpu_seconds() -> float:
    """Return what this process and its ended children have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    way, number = WAYS[sys.argv[1]], int(sys.argv[2])
    local_iam = LocalIAMControl.from_environment()
    emails = islice(cycle(local_iam.service_accounts), number)
    names = [f"projects/{local_iam.project}/serviceAccounts/{email}" for email in emails]
    used, begin = cpu_seconds(), time.monotonic()
    calls = way(names)
    used = cpu_seconds() - used
    ends = sorted(end for _, end in calls)
    report = {
        "answers": len(calls),
        "first": ends[0] - begin,
        "seconds": ends[-1] - begin,
        "call": statistics.median(end - start for start, end in calls),
        "cpu": used,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
