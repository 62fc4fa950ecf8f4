"""Benchmark: forks behind the fork gate, while eight threads call, and what the gate costs a call.

Each batch is kept in `.benchmark_cache/` as it ends, so a run that was interrupted goes on where
it stopped.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import click
import grpc
from google.cloud.iam_credentials_v1 import IAMCredentialsClient

from recipes.safeguards import fork_gate
from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import results
from tests.book import ROOT
from tests.evidence.record.environment import Environment
from tests.evidence.record.identity import program_of

CACHE = ROOT / ".benchmark_cache" / "fork_gate.jsonl"
PROGRAM = "tests.benchmarks.programs.busy_forks"
FORKS, BATCH, PATIENCE = 1_000, 100, 30.0
COMPARED = {"reused": (40, 10), "fresh": (400, 50)}
COMPARED_PATIENCE = 5.0
"""Forks without the gate, and those of a batch; each child is waited for so many seconds."""
FROZEN = 30
"""Seconds that no fork takes which waits for calls, and each that gRPC freezes."""
KINDS = {"reused": "the parent's", "fresh": "its own"}
WORK = {"calls": "call", "clients": "call, and make and close clients"}
Report = dict[str, Any]


def measured() -> str:
    """Tell what a batch was measured with: the program of the gate, Python, grpcio."""
    here = Environment.here("fork")
    return f"{program_of(Path(str(fork_gate.__file__)))} {here.python} {here.grpcio}"


def run_batch(
    gated: str,
    work: str,
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
        command = [python, "-m", PROGRAM, gated, work, kind, str(forks), str(patience)]
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


def measure(
    gated: str, work: str, kind: str, forks: int, batch: int, patience: float
) -> list[Report]:
    """Run what is missing of the batches, and return all."""
    key = {"gated": gated, "work": work, "kind": kind, "batch": batch}
    reports = [report for report in kept() if key.items() <= report.items()]
    while len(reports) * batch < forks:
        report = run_batch(gated, work, kind, batch, patience)
        report |= key | {"measured": measured()}
        keep(report)
        reports.append(report)
        counts = dict(total(reports))
        print(f"{gated} {work} {kind}: {len(reports) * batch} of {forks} {counts}", flush=True)
    return reports[: forks // batch]


def total(reports: list[Report]) -> Counter[str]:
    return sum((Counter(report["outcomes"]) for report in reports), Counter())


def row(gate: str, work: str, kind: str, reports: list[Report]) -> results.Row:
    """Tell what became of the forks of some batches."""
    outcomes = total(reports)
    waits = [wait for report in reports for wait in report["waits"]]
    return {
        "gate": gate,
        "threads of the parent": WORK[work],
        "client in the child": KINDS[kind],
        "forks": f"{sum(outcomes.values()):,}",
        "ok": f"{outcomes['ok']:,}",
        "hung": outcomes["hung"],
        "failed": outcomes["failed"],
        "crashed": outcomes["crashed"] + outcomes["parent"],
        "frozen": sum(wait > FROZEN for wait in waits),
        "parent's failed calls": sum(len(report["errors"]) for report in reports),
        "median fork (ms)": round(1000 * statistics.median(waits), 1) if waits else "",
    }


def of_a_call(times: int = 200, rounds: int = 9) -> tuple[float, float]:
    """Return the seconds of a call of a client, and of one behind the gate: by turns, the best."""
    best = [float("inf"), float("inf")]
    with LocalIAM(1) as local_iam:
        os.environ.update(local_iam.environment)
        name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
        clients = [IAMCredentialsClient()]
        grpc.secure_channel = fork_gate.gated(grpc.secure_channel)
        clients.append(IAMCredentialsClient())
        for _ in range(rounds):
            for number, client in enumerate(clients):
                began = time.perf_counter()
                for _ in range(times):
                    client.sign_blob(name=name, payload=b"text", timeout=10)
                best[number] = min(best[number], (time.perf_counter() - began) / times)
        for client in clients:
            client.transport.close()
    return best[0], best[1]


def of(kind: str, gated: dict[tuple[str, str], list[Report]]) -> dict[str, int]:
    """Count the forks behind the gate with one kind of client in the child, and those that held."""
    counts = [total(reports) for (_, client), reports in gated.items() if client == kind]
    return {
        "forks": sum(each.total() for each in counts),
        "ok": sum(each["ok"] for each in counts),
    }


@click.command()
@click.option("--forks", default=FORKS, show_default=True, help="Forks of each kind.")
def main(forks: int) -> None:
    """Measure, keep each batch, store the sums."""
    gated = {each: measure("gate", *each, forks, BATCH, PATIENCE) for each in product(WORK, KINDS)}
    bare = {
        kind: measure("none", "calls", kind, *COMPARED[kind], COMPARED_PATIENCE) for kind in KINDS
    }
    rows = [row("installed", *each, reports) for each, reports in gated.items()]
    rows += [row("none", "calls", kind, reports) for kind, reports in bare.items()]
    reports = [report for some in gated.values() for report in some]
    outcomes = total(reports)
    waits = [wait for report in reports for wait in report["waits"]]
    call, intercepted = of_a_call()
    results.store(
        "fork_gate",
        rows,
        {
            "forks": sum(outcomes.values()),
            "hung": outcomes["hung"],
            "failed": outcomes["failed"],
            "crashed": outcomes["crashed"] + outcomes["parent"],
            "frozen": sum(wait > FROZEN for wait in waits),
            "median_wait_milliseconds": round(1000 * statistics.median(waits), 1),
            "calls_of_parent": sum(report["calls"] for report in reports),
            "errors_of_parent": sum(len(report["errors"]) for report in reports),
            "without_gate_fresh_ok": total(bare["fresh"])["ok"],
            "without_gate_fresh_forks": COMPARED["fresh"][0],
            "call_microseconds": round(1e6 * call),
            "gated_microseconds": round(1e6 * intercepted),
            **{
                f"{kind}_{what}": count for kind in KINDS for what, count in of(kind, gated).items()
            },
        },
    )
    for line in rows:
        print(line)


if __name__ == "__main__":
    main()
