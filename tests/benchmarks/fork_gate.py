"""Benchmark: forks behind the fork gate, while eight threads call, and what the gate costs a call.

Ten thousand forks with the client reused in the child, ten thousand with a client of its own, and
a few without the gate to compare. Each batch is kept in `.benchmark_cache/` as it ends, so a run
that was interrupted goes on where it stopped.
"""

import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from recipes.safeguards import fork_gate
from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import results
from tests.book import ROOT
from tests.evidence.record.environment import Environment

CACHE = ROOT / ".benchmark_cache" / "fork_gate.jsonl"
PROGRAM_OF_RECIPE = "# the program"
PROGRAM = "tests.benchmarks.programs.busy_forks"
FORKS, BATCH, PATIENCE = 10_000, 250, 30.0
COMPUTE = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"
"""Computes until the benchmark has ended, however it does."""
LOADED, LOAD = 2_500, 8
"""Forks beside so many processes that compute: behind the gate, and behind one that leaves the
connections alone.
"""

COMPARED = {"reused": (40, 10), "fresh": (400, 50)}
COMPARED_PATIENCE = 5.0
"""Forks without the gate, and those of a batch; each child is waited for so many seconds."""

KINDS = {"reused": "the parent's", "fresh": "its own"}
Report = dict[str, Any]


def measured() -> str:
    """Tell what a batch was measured with: the text of the gate, Python, grpcio."""
    here = Environment.here("fork")
    gate, _, _ = Path(str(fork_gate.__file__)).read_text("utf-8").partition(PROGRAM_OF_RECIPE)
    return f"{hashlib.sha256(gate.encode()).hexdigest()} {here.python} {here.grpcio}"


def run_batch(
    gated: str,
    kind: str,
    forks: int,
    patience: float,
    python: str = sys.executable,
    **variables: str,
) -> Report:
    """Run one batch in a process of its own; one that does not end in time has frozen."""
    with LocalIAM(1) as local_iam:
        environment = {
            **os.environ,
            **local_iam.environment,
            "BUSY_FORKS_ACCOUNT": local_iam.service_accounts[0],
            **variables,
        }
        command = [python, "-m", PROGRAM, gated, kind, str(forks), str(patience)]
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=120 + forks * patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its children hold the pipes, too
            out, err = process.communicate()
    report: Report = {"outcomes": {}, "waits": [], "calls": 0, "errors": []}
    if process.returncode == 0 and out:
        report = json.loads(out)
    else:
        report["outcomes"] = {"parent": forks}
    report["skipped"] = err.count("skipping fork() handlers")
    report["stderr"] = err[-4000:]
    report["code"] = process.returncode
    report["seconds"] = round(time.monotonic() - began, 1)
    return report


def kept() -> Iterator[Report]:
    """Yield the batches of today's text and versions."""
    if CACHE.exists():
        for line in CACHE.read_text("utf-8").splitlines():
            report = json.loads(line)
            if report["measured"] == measured():
                yield report


def keep(report: Report) -> None:
    CACHE.parent.mkdir(exist_ok=True)
    with CACHE.open("a", encoding="utf-8") as file:
        file.write(json.dumps(report) + "\n")


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Let other processes compute in the block."""
    with ExitStack() as stack:
        for _ in range(processes):
            process = subprocess.Popen([sys.executable, "-c", COMPUTE, str(os.getpid())])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


def measure(
    gated: str, kind: str, forks: int, batch: int, patience: float, others: int = 0
) -> list[Report]:
    """Run what is missing of the batches beside so many processes that compute; return all."""
    key = {"gated": gated, "kind": kind, "load": others, "batch": batch}
    reports = [report for report in kept() if key.items() <= report.items()]
    while len(reports) * batch < forks:
        with load(others):
            report = run_batch(gated, kind, batch, patience)
        report |= key | {"measured": measured()}
        keep(report)
        reports.append(report)
        counts = dict(total(reports))
        print(f"{gated} {kind}: {len(reports) * batch} of {forks} {counts}", flush=True)
    return reports[: forks // batch]


def total(reports: list[Report]) -> Counter[str]:
    return sum((Counter(report["outcomes"]) for report in reports), Counter())


def row(gate: str, kind: str, reports: list[Report], others: int = 0) -> results.Row:
    """Tell what became of the forks of some batches."""
    outcomes = total(reports)
    waits = [wait for report in reports for wait in report["waits"]]
    return {
        "client in the child": KINDS[kind],
        "gate": gate,
        "processes beside it": others,
        "forks": f"{sum(outcomes.values()):,}",
        "ok": f"{outcomes['ok']:,}",
        "hung": outcomes["hung"],
        "failed otherwise": sum(outcomes.values()) - outcomes["ok"] - outcomes["hung"],
        "parent's errors": sum(len(report["errors"]) for report in reports),
        "longest wait (s)": round(max(waits), 3) if waits else "",
        "median wait (ms)": round(1000 * statistics.median(waits), 1) if waits else "",
    }


def microseconds(call: Callable[..., Any], times: int = 50_000) -> float:
    """Return the time of one call, the best of some series."""
    best = float("inf")
    for _ in range(9):
        begin = time.perf_counter()
        for _ in range(times):
            call(None, None, timeout=10, metadata=())
        best = min(best, time.perf_counter() - begin)
    return 1e6 * best / times


def nothing(*_: object, **__: object) -> None:
    """Stand in for a call that takes no time."""


@click.command()
@click.option("--forks", default=FORKS, show_default=True, help="Forks of each kind.")
def main(forks: int) -> None:
    """Measure, keep each batch, store the sums."""
    gated = {kind: measure("gate", kind, forks, BATCH, PATIENCE) for kind in KINDS}
    bare = {kind: measure("none", kind, *COMPARED[kind], COMPARED_PATIENCE) for kind in KINDS}
    loaded = {
        gated: measure(gated, "reused", LOADED, BATCH, PATIENCE, LOAD)
        for gated in ("gate", "calls")
    }
    rows = [row("installed", kind, reports) for kind, reports in gated.items()]
    rows += [row("installed", "reused", loaded["gate"], LOAD)]
    rows += [row("leaves connections alone", "reused", loaded["calls"], LOAD)]
    rows += [row("none", kind, reports) for kind, reports in bare.items()]
    reports = [report for some in gated.values() for report in some]
    outcomes = total(reports)
    waits = [wait for report in reports for wait in report["waits"]]
    bare_us = microseconds(nothing)
    gated_us = microseconds(fork_gate.counted_call(nothing, is_stream=False))
    results.store(
        "fork_gate",
        rows,
        {
            "forks": sum(outcomes.values()),
            "failures": sum(outcomes.values()) - outcomes["ok"],
            "longest_wait_seconds": round(max(waits), 3),
            "median_wait_milliseconds": round(1000 * statistics.median(waits), 1),
            "calls_of_parent": sum(report["calls"] for report in reports),
            "errors_of_parent": sum(len(report["errors"]) for report in reports),
            "skipped_handlers": sum(report["skipped"] for report in reports),
            "loaded_forks": LOADED,
            "loaded_failures": LOADED - total(loaded["gate"])["ok"],
            "simple_failures": LOADED - total(loaded["calls"])["ok"],
            "simple_errors_of_parent": sum(len(report["errors"]) for report in loaded["calls"]),
            "without_gate_fresh_ok": total(bare["fresh"])["ok"],
            "without_gate_fresh_forks": COMPARED["fresh"][0],
            "cost_microseconds": round(gated_us - bare_us, 2),
        },
    )
    for line in rows:
        print(line)


if __name__ == "__main__":
    main()
