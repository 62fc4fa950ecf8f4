"""Benchmark: what a worker costs until its first call is answered, for each start method.

A program that has imported the client library, but has no client, starts workers one after the
other; each creates a client and makes one call. The workers stay until their memory is measured.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from subprocess import PIPE
from typing import NamedTuple

import psutil
from rich.progress import track

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import results

ROUNDS = 5
WORKERS = 4
FORK, SPAWN, SERVER, PRELOADED = WAYS = ("fork", "spawn", "forkserver", "forkserver, preloaded")
PROGRAM = Path(__file__).with_name("programs") / "start_workers.py"


class Worker(NamedTuple):
    """What one worker cost: seconds of three steps one after the other, and bytes."""

    start: float
    client: float
    call: float
    own: int

    @property
    def seconds(self) -> float:
        """From the start of the process until its first answer."""
        return self.start + self.client + self.call


class Round(NamedTuple):
    """One run of the program: its workers in order, and the bytes of all its processes."""

    workers: list[Worker]
    together: int


def run(program: Path, way: str, local_iam: LocalIAM) -> Round:
    """Run the program once, and measure the memory of its processes while its workers live."""
    method, *preloaded = way.split(", ")
    preload = "google.cloud.iam_credentials_v1" if preloaded else ""
    name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
    with subprocess.Popen(
        [sys.executable, program, method, preload, name, str(WORKERS)],
        env={**os.environ, **local_iam.environment},
        stdin=PIPE,
        stdout=PIPE,
        text=True,
    ) as running:
        assert running.stdout
        told = json.loads(running.stdout.readline())
        main = psutil.Process(running.pid)
        memory = {
            process.pid: process.memory_full_info()
            for process in (main, *main.children(recursive=True))
        }
        running.communicate("\n", timeout=60)
    assert running.returncode == 0, running.returncode
    workers = [
        Worker(start, client, call, memory[pid].uss)
        for (start, client, call), pid in zip(told["seconds"], told["pids"], strict=True)
    ]
    return Round(workers, sum(each.pss for each in memory.values()))


def cost(rounds: list[Round], fork: float) -> results.Row:
    """Return a row of medians; `fork` is the seconds of a further worker by fork."""
    first = [each.workers[0] for each in rounds]
    further = [worker for each in rounds for worker in each.workers[1:]]
    return {
        "first worker (ms)": milliseconds(worker.seconds for worker in first),
        "further worker (ms)": milliseconds(worker.seconds for worker in further),
        "of it start and import": milliseconds(worker.start for worker in further),
        "client": milliseconds(worker.client for worker in further),
        "first call": milliseconds(worker.call for worker in further),
        "times fork": round(median(worker.seconds for worker in further) / fork, 1),
        "own memory of a worker (MB)": round(median(worker.own for worker in further) / 1e6),
        f"program and {WORKERS} workers (MB)": round(
            median(each.together for each in rounds) / 1e6
        ),
    }


def milliseconds(seconds: Iterable[float]) -> int:
    return round(median(seconds) * 1000)


def main() -> None:
    """Run the program in turn with each start method; print and store medians."""
    rounds: dict[str, list[Round]] = {way: [] for way in WAYS}
    with LocalIAM(1) as local_iam:
        for number in track(range(ROUNDS), "rounds"):
            for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                rounds[way].append(run(PROGRAM, way, local_iam))
    fork = median(worker.seconds for each in rounds[FORK] for worker in each.workers[1:])
    costs = {way: cost(rounds[way], fork) for way in WAYS}
    results.store(
        "start_methods",
        [{"start method": way, **row} for way, row in costs.items()],
        {
            "spawn_times_fork": costs[SPAWN]["times fork"],
            "forkserver_times_fork": costs[SERVER]["times fork"],
            "preloaded_times_fork": costs[PRELOADED]["times fork"],
            "spawn_ms": costs[SPAWN]["further worker (ms)"],
            "forkserver_ms": costs[SERVER]["further worker (ms)"],
            "forkserver_first_ms": costs[SERVER]["first worker (ms)"],
            "preloaded_ms": costs[PRELOADED]["further worker (ms)"],
            "preloaded_first_ms": costs[PRELOADED]["first worker (ms)"],
            "preload_saves_times": round(
                int(costs[SERVER]["further worker (ms)"])
                / int(costs[PRELOADED]["further worker (ms)"]),
                1,
            ),
        },
    )
    for way, row in costs.items():
        print(way, *(f"{title}: {value}" for title, value in row.items()), sep="\n  ")


if __name__ == "__main__":
    main()
