"""Benchmark: the ways to make ten thousand calls, at three latencies.

A latency is what a call takes for a caller who is alone. So the local IAM is made slower by so
many milliseconds that a lone call takes as long; how many these are is among the figures.
Each way runs at each latency in a process of its own, against a local IAM of its own, and is kept
in `.benchmark_cache/` as it ends: a run that was interrupted goes on where it stopped.
"""

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import psutil

from recipes.testing.local_iam import LocalIAM
from recipes.threads import share_one_client
from tests.benchmarks import results
from tests.benchmarks.programs import recipe_and_bare, ways_to_call
from tests.benchmarks.programs.ways_to_call import AT_ONCE, WAYS
from tests.book import ROOT
from tests.evidence.record.environment import Environment

CACHE = ROOT / ".benchmark_cache" / "compare_ways.jsonl"
CALLS = 10_000
LATENCIES = (0, 20, 100)
ALONE, SHARED, MORE, EACH, IN_TURN, LOOP, LOOP_OF_MORE, PROCESSES, BOTH = WAYS
MEASURED = "latency [ms]"

TARGET_LATENCY = 20
LEAST_SHARE = 95
"""Percent of the calls that the latency permits, made by threads that share a client."""
MOST_RATIO = 1.1
"""CPU of the recipe, divided by that of a bare loop in one thread."""

LONE_CALLS = 100
WITHIN, TRIES = 0.01, 8
"""By what share a lone call may take longer than a latency, and how often that is tried."""
MOST_ITSELF = 5.0
"""Milliseconds that a call takes by itself; what it takes longer is for other work beside it."""
TURNS, ACCOUNTS = 20, 500
SAMPLE_SECONDS = 0.5
PATIENCE = 1800.0
MEGABYTE = 1_000_000
Report = dict[str, Any]
Figures = dict[str, str | int | float]


def texts(*modules: ModuleType) -> Report:
    """Name what is measured: the texts of programs and the versions that they run with."""
    here = Environment.here("fork")
    read = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    return {"texts": f"{hashlib.sha256(read).hexdigest()} {here.python} {here.grpcio}"}


def once(key: Report, measure: Callable[[], Report], cache: Path = CACHE) -> Report:
    """Return what was kept under a key; measure and keep it where nothing was."""
    lines = cache.read_text("utf-8").splitlines() if cache.exists() else []
    for report in map(json.loads, lines):
        if key.items() <= report.items():
            return dict(report)
    report = key | measure()
    cache.parent.mkdir(exist_ok=True)
    with cache.open("a", encoding="utf-8") as file:
        file.write(json.dumps(report) + "\n")
    print(report, flush=True)
    return report


class Memory:
    """The most memory that a process and its children had at once, by looking now and then."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.resident = self.proportional = 0

    def look(self) -> None:
        """Add up each process's memory: all of it, and with its part of each shared page."""
        resident = proportional = 0
        with suppress(psutil.NoSuchProcess):
            for process in (self.process, *self.process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    used = process.memory_full_info()
                    resident += used.rss
                    proportional += used.pss
        self.resident = max(self.resident, resident)
        self.proportional = max(self.proportional, proportional)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look now and then while the block runs."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLE_SECONDS):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def run(local_iam: LocalIAM, program: str, *arguments: object) -> tuple[Any, Memory]:
    """Run a program in a process of its own; return what it printed, and its memory.

    Raises CalledProcessError where a call failed, and TimeoutExpired.
    """
    command = [sys.executable, "-m", program, *map(str, arguments)]
    environment = {**os.environ, **local_iam.environment}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        memory = Memory(process.pid)
        try:
            with memory.watched():
                out, _ = process.communicate(timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return json.loads(out), memory


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure_way(way: str, calls: int, slower: float) -> Report:
    """Make the calls in one way, of a local IAM that takes so many milliseconds longer."""
    with LocalIAM() as local_iam:
        local_iam.slow(slower / 1000)
        service = psutil.Process(local_iam.pid)
        used = cpu_seconds(service)
        report, memory = run(local_iam, ways_to_call.__name__, way, calls)
        used = cpu_seconds(service) - used
        seen = local_iam.observe()
    if not calls == report["answers"] == sum(seen.calls.values()):
        raise RuntimeError(f"{way}: {report['answers']} answers to {calls} inputs: {seen.calls}")
    return {
        **report,
        "connections": seen.connections,
        "most_in_flight": seen.most_in_flight,
        "resident": memory.resident,
        "proportional": memory.proportional,
        "service_cpu": used,
    }


def alone(slower: float) -> float:
    """Return the milliseconds that a lone call takes of a local IAM that is so much slower."""
    return 1000 * float(measured(ALONE, LONE_CALLS, slower)["call"])


def slower_by(latency: float) -> float:
    """Return the milliseconds by which a lone call is slowed so that it takes as long.

    It takes at most a share of WITHIN longer then.
    Raises RuntimeError where it takes another time at each try.
    """
    slower = float(latency)
    if not latency:
        return slower
    for _ in range(TRIES):
        off = alone(slower) - latency
        if off <= latency * WITHIN:
            return slower
        slower = round(max(slower - off, latency - MOST_ITSELF), 1)
    raise RuntimeError("a lone call takes another time at each try: the machine is not quiet")


def measured(way: str, calls: int, slower: float) -> Report:
    """Measure one way, or take what was kept of it."""
    key = {"way": way, "calls": calls, "slower": slower, **texts(ways_to_call)}
    return once(key, lambda: measure_way(way, calls, slower))


def measure_turns(number: int) -> Report:
    """Run the recipe and the bare loops by turns."""
    with LocalIAM(ACCOUNTS) as local_iam:
        turns, _ = run(local_iam, recipe_and_bare.__name__, number)
    return {"turns": turns}


def row(report: Report) -> results.Row:
    """Tell what a way took."""
    calls, seconds = report["calls"], report["seconds"]
    return {
        MEASURED: report["latency"],
        "way": report["way"],
        "calls a second": rounded(rate(report)),
        "a call takes [ms]": round(1000 * report["call"], 1),
        "CPU per call [ms]": round(1000 * report["cpu"] / calls, 2),
        "connections": report["connections"],
        "memory [MB]": round(report["proportional"] / MEGABYTE),
        "resident, summed [MB]": round(report["resident"] / MEGABYTE),
        "first answer [ms]": round(1000 * report["first"]),
        "service busy [%]": round(100 * report["service_cpu"] / seconds),
    }


def rate(report: Report) -> float:
    """Return the calls a second after the first answer."""
    return float((report["calls"] - 1) / (report["seconds"] - report["first"]))


def rounded(value: float) -> float:
    """Keep three digits that say something."""
    return round(value, 1) if value < 100 else round(value)


def processor() -> str:
    """Return the name that the machine gives its processor."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def targets(rows: dict[tuple[int, str], results.Row], turns: list[list[float]]) -> Figures:
    """Compute the share of the limit that threads reach, and what the recipe adds to a call."""
    limit = 1000 * AT_ONCE / TARGET_LATENCY
    shared, alone = (float(rows[TARGET_LATENCY, way]["calls a second"]) for way in (SHARED, ALONE))
    recipe, loop, in_threads = (
        1000 * statistics.median(used) / ACCOUNTS for used in zip(*turns, strict=True)
    )
    return {
        "limit": round(limit),
        "shared_percent": round(100 * shared / limit, 1),
        "alone_percent": round(100 * alone * AT_ONCE / limit, 1),
        "recipe_ratio": round(statistics.median(turn[0] / turn[1] for turn in turns), 2),
        "recipe_ratio_in_threads": round(statistics.median(turn[0] / turn[2] for turn in turns), 2),
        "recipe_ms": round(recipe, 2),
        "loop_ms": round(loop, 2),
        "loop_in_threads_ms": round(in_threads, 2),
        "turns": len(turns),
    }


def cells(rows: dict[tuple[int, str], results.Row]) -> Figures:
    """Choose what the page says in its sentences."""
    named = {"alone": ALONE, "shared": SHARED, "more": MORE, "each": EACH, "in_turn": IN_TURN}
    named |= {"loop": LOOP, "processes": PROCESSES, "both": BOTH}
    columns = {
        "rate": "calls a second",
        "cpu": "CPU per call [ms]",
        "connections": "connections",
        "memory": "memory [MB]",
        "first": "first answer [ms]",
    }
    return {
        f"{name}_{latency}_{short}": rows[latency, way][column]
        for latency in LATENCIES
        for name, way in named.items()
        for short, column in columns.items()
    }


@click.command()
@click.option("--calls", default=CALLS, show_default=True, help="Calls of each way.")
@click.option("--turns", default=TURNS, show_default=True, help="Of the recipe and bare loops.")
def main(calls: int, turns: int) -> None:
    """Measure each way at each latency, keep each, store all; say which target was missed."""
    reports = {}
    for latency in LATENCIES:
        slower = slower_by(latency)
        for way in WAYS:
            reports[latency, way] = measured(way, calls, slower) | {"latency": latency}
    unadjusted = measured(SHARED, calls, TARGET_LATENCY)
    key = {"accounts": ACCOUNTS, "number": turns, **texts(recipe_and_bare, share_one_client)}
    used = once(key, lambda: measure_turns(turns))["turns"]
    rows = {key: row(report) for key, report in reports.items()}
    reached = targets(rows, used)
    made_with: Figures = {
        "calls": calls,
        "processor": processor(),
        "slower_at_20": reports[20, ALONE]["slower"],
        "slower_at_100": reports[100, ALONE]["slower"],
        "unadjusted_alone_ms": round(alone(TARGET_LATENCY), 1),
        "unadjusted_rate": rounded(rate(unadjusted)),
        "service_busiest": max(int(row["service busy [%]"]) for row in rows.values()),
    }
    results.store("compare_ways", list(rows.values()), {**made_with, **reached, **cells(rows)})
    for line in (*rows.values(), made_with, reached):
        print(line)
    if (
        float(reached["shared_percent"]) < LEAST_SHARE
        or float(reached["recipe_ratio"]) > MOST_RATIO
    ):
        sys.exit("a target was missed")


if __name__ == "__main__":
    main()
