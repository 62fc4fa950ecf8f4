"""Benchmark: how long a fork takes after a client was used, by what was done about the client.

Each row is `RUNS` new processes. One that is not past its fork after `LIMIT` seconds is killed; for
the figure, one is given the time to get past it by itself.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Timer

from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM, LocalIAMControl
from tests.benchmarks.results import store
from tests.book import ROOT

RUNS = 10
LIMIT = 10.0
PATIENCE = 100.0
"""Seconds; gRPC's own limit is a minute."""

Client = iam_credentials_v1.IAMCredentialsClient


def sign() -> Client:
    """Sign something with a client that is made for it, and return the client."""
    email = LocalIAMControl.from_environment().service_accounts[0]
    client = Client()
    name = f"projects/-/serviceAccounts/{email}"
    client.sign_blob(name=name, payload=b"text", timeout=10)
    return client


def sign_and_close() -> None:
    """Use a client, and close it."""
    with sign():
        pass


def native_threads() -> int:
    """Count the threads of this process, those of gRPC too."""
    return len(list(Path("/proc/self/task").iterdir()))


def fork() -> None:
    """Fork, say how long it took, and have the child sign with a client of its own."""
    begin = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        sign()
        os._exit(0)
    print(time.perf_counter() - begin, flush=True)
    assert os.waitpid(pid, 0)[1] == 0


def start(method: str) -> None:
    """Start a process by a method, say how long it took, and have it sign as in `fork`."""
    process = multiprocessing.get_context(method).Process(target=sign_and_close)  # type: ignore[attr-defined]
    begin = time.perf_counter()
    process.start()
    print(time.perf_counter() - begin, flush=True)
    process.join()
    assert process.exitcode == 0


def close_and_fork() -> None:
    sign_and_close()
    fork()


def drop_and_fork() -> None:
    sign()
    fork()


def keep_and_fork() -> None:
    client = sign()
    fork()
    del client


def wait_and_fork() -> None:
    before = native_threads()
    sign_and_close()
    while native_threads() > before:
        time.sleep(0.001)
    fork()


def close_in_worker_and_fork() -> None:
    with ProcessPoolExecutor(1) as worker:
        worker.submit(sign_and_close).result()
    fork()


def close_and_spawn() -> None:
    sign_and_close()
    start("spawn")


def close_and_use_forkserver() -> None:
    sign_and_close()
    start("forkserver")


WAYS = {
    "closed it": close_and_fork,
    "dropped the last reference, without closing it": drop_and_fork,
    "left it open, with no call under way": keep_and_fork,
    "closed it, and waited until the threads of gRPC were gone": wait_and_fork,
    "used and closed it in a worker": close_in_worker_and_fork,
    "closed it, then started a process by `spawn`": close_and_spawn,
    "closed it, then started a process by `forkserver`": close_and_use_forkserver,
}


def seconds(way: str, limit: float) -> float | None:
    """Return how long the fork took in a new process, or None if it was not over at the limit."""
    command = [sys.executable, "-m", __spec__.name, way]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "imported\n"
        at_limit = Timer(limit, process.kill)
        at_limit.start()
        printed = process.stdout.readline()
        at_limit.cancel()
    if not printed:
        return None
    assert process.returncode == 0, f"{way}: exit code {process.returncode}"
    return float(printed)


def main() -> int:
    """Measure each way, print and store the table."""
    rows: list[dict[str, str | int | float]] = []
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        for way in WAYS:
            took = [seconds(way, LIMIT) for _ in range(RUNS)]
            ended = [each for each in took if each is not None]
            rows.append(
                {
                    "before the fork, the program": way,
                    "runs": RUNS,
                    f"frozen for {LIMIT:.0f} s": len(took) - len(ended),
                    "longest of the others [ms]": round(max(ended) * 1000) if ended else "-",
                }
            )
            print(*rows[-1].values(), sep="\t")
        frozen = 0.0
        while frozen < LIMIT:
            frozen = seconds("closed it", PATIENCE) or PATIENCE
    print(f"a frozen fork ended after {frozen:.0f} s")
    store("close_then_fork", rows, {"frozen_seconds": round(frozen)})
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print("imported", flush=True)
        WAYS[sys.argv[1]]()
        sys.exit()
    sys.exit(main())
