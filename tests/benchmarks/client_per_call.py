"""Benchmark: what it costs to make a client for each call, against one client for all calls.

Each way runs in a process of its own, in several threads; the process is looked at from outside.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil
from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM, LocalIAMControl
from tests.benchmarks.results import Row, store
from tests.book import ROOT

CALLS = 400
THREADS = 8
MEGABYTE = 1_000_000

Client = iam_credentials_v1.IAMCredentialsClient
Way = Callable[[str, int, int], None]
"""Makes so many calls for an account in so many threads."""


def sign(client: Client, name: str) -> None:
    client.sign_blob(name=name, payload=b"text", timeout=60)


def share(name: str, calls: int, threads: int) -> None:
    """Make the calls with one client."""
    client = Client()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: sign(client, name), range(calls)))


def drop(name: str, calls: int, threads: int) -> None:
    """Make the calls with a client for each, which nobody closes."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: sign(Client(), name), range(calls)))


def close(name: str, calls: int, threads: int) -> None:
    """Make the calls with a client for each, which is closed after the call."""

    def sign_and_close(_: int) -> None:
        with Client() as client:
            sign(client, name)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sign_and_close, range(calls)))


WAYS: dict[str, Way] = {
    "one for all calls": share,
    "one for each call, never closed": drop,
    "one for each call, closed after it": close,
}


def run(ways: Mapping[str, Way]) -> int:
    """Run the way that the command line names, and print the CPU time that it took."""
    way, calls, threads = sys.argv[1:]
    email = LocalIAMControl.from_environment().service_accounts[0]
    print("imported", flush=True)
    begin = time.process_time()
    ways[way](f"projects/-/serviceAccounts/{email}", int(calls), int(threads))
    print(time.process_time() - begin)
    return 0


def measure(local_iam: LocalIAM, program: str, way: str, calls: int, threads: int) -> Row:
    """Run one way of a program in a new process, and look at it until it ends."""
    local_iam.forget()
    descriptors = memory = 0
    command = [sys.executable, "-m", program, way, str(calls), str(threads)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        seen = psutil.Process(process.pid)
        while process.poll() is None and seen.status() != psutil.STATUS_ZOMBIE:
            descriptors = max(descriptors, seen.num_fds())
            memory = max(memory, seen.memory_info().rss)
            time.sleep(0.01)
        seconds = float(process.stdout.readline())
    observed = local_iam.observe()
    assert process.returncode == 0
    assert observed.calls["SignBlob"] == calls
    return {
        "clients": way,
        "threads": threads,
        "calls": calls,
        "CPU time of a call [ms]": round(1000 * seconds / calls, 1),
        "connections": observed.connections,
        "most open descriptors": descriptors,
        "most memory [MB]": round(memory / MEGABYTE),
    }


def main() -> int:
    """Measure each way, print and store the table."""
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        rows = [measure(local_iam, __spec__.name, way, CALLS, THREADS) for way in WAYS]
    for row in rows:
        print(*row.values(), sep="\t")
    store("client_per_call", rows)
    return 0


if __name__ == "__main__":
    sys.exit(run(WAYS) if len(sys.argv) > 1 else main())
