"""Benchmark: what it costs to make a client for each call, against one client for all calls.

Each way runs in a process of its own, in several threads; the process is looked at from outside.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import psutil
from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM, LocalIAMControl
from tests.benchmarks.results import Row, store
from tests.evidence.trials import ROOT

CALLS = 400
THREADS = 8
MEGABYTE = 1_000_000

Client = iam_credentials_v1.IAMCredentialsClient


def sign(client: Client, name: str) -> None:
    client.sign_blob(name=name, payload=b"text", timeout=60)


def share(name: str) -> None:
    """Make the calls with one client."""
    client = Client()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(sign, repeat(client, CALLS), repeat(name)))


def drop(name: str) -> None:
    """Make the calls with a client for each, which nobody closes."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: sign(Client(), name), range(CALLS)))


def close(name: str) -> None:
    """Make the calls with a client for each, which is closed after the call."""

    def sign_and_close(_: int) -> None:
        with Client() as client:
            sign(client, name)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(sign_and_close, range(CALLS)))


WAYS: dict[str, Callable[[str], None]] = {
    "one for all calls": share,
    "one for each call, never closed": drop,
    "one for each call, closed after it": close,
}


def measure(local_iam: LocalIAM, way: str) -> Row:
    """Run one way in a new process, and look at it until it ends."""
    local_iam.forget()
    descriptors = memory = 0
    command = [sys.executable, "-m", __spec__.name, way]
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
    assert observed.calls["SignBlob"] == CALLS
    return {
        "clients": way,
        "calls": CALLS,
        "CPU time of a call [ms]": round(1000 * seconds / CALLS, 1),
        "connections": observed.connections,
        "most open descriptors": descriptors,
        "most memory [MB]": round(memory / MEGABYTE),
    }


def main() -> int:
    """Measure each way, print and store the table."""
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        rows = [measure(local_iam, way) for way in WAYS]
    for row in rows:
        print(*row.values(), sep="\t")
    store("client_per_call", rows)
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        email = LocalIAMControl.from_environment().service_accounts[0]
        print("imported", flush=True)
        begin = time.process_time()
        WAYS[sys.argv[1]](f"projects/-/serviceAccounts/{email}")
        print(time.process_time() - begin)
        sys.exit()
    sys.exit(main())
