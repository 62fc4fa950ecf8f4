"""Benchmark: forks behind the fork gate, and without it, with several releases of grpcio.

Each release gets an environment of its own. Each batch is kept as it ends, so a run that was
interrupted goes on where it stopped.
"""

import json
import platform
import sys
from collections import Counter

import click

from tests.benchmarks import results
from tests.benchmarks.fork_gate import CACHE, KINDS, Report, measured, run_batch, total
from tests.evidence.measure.interpreters import build
from tests.evidence.record.environment import Wanted
from tests.evidence.record.not_installed import NotInstalled

RELEASES = ("1.60.2", "1.71.2", "1.78.2", "1.80.1", "1.82.3")
FORKS, BATCH, PATIENCE = 100, 50, 20.0
COMPARED, COMPARED_PATIENCE = 10, 4.0
KEPT = CACHE.with_name("fork_gate_releases.jsonl")


def environment(release: str) -> str:
    """Make an environment with one release of grpcio, where there is none; return its Python."""
    built = build(Wanted(platform.python_version(), release))
    if isinstance(built, NotInstalled):
        sys.exit(f"grpcio {release} cannot be installed: {built.reason}")
    return str(built.path)


def kept() -> list[Report]:
    lines = KEPT.read_text("utf-8").splitlines() if KEPT.exists() else []
    return [report for report in map(json.loads, lines) if report["measured"] == measured()]


def measure(release: str, gated: str, kind: str, forks: int, patience: float) -> list[Report]:
    """Run what is missing of the batches of one release, and return all."""
    key = {"release": release, "gated": gated, "kind": kind, "measured": measured()}
    reports = [report for report in kept() if key.items() <= report.items()]
    batch = min(forks, BATCH)
    while len(reports) * batch < forks:
        report = run_batch(gated, "calls", kind, batch, patience, python=environment(release)) | key
        KEPT.parent.mkdir(exist_ok=True)
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(report) + "\n")
        reports.append(report)
        print(release, gated, kind, dict(total(reports)), flush=True)
    return reports


def row(release: str, gated: str, kind: str, reports: list[Report]) -> results.Row:
    """Tell what became of the forks of one release."""
    outcomes = total(reports)
    return {
        "grpcio": release,
        "gate": "installed" if gated == "gate" else "none",
        "client in the child": KINDS[kind],
        "forks": sum(outcomes.values()),
        "ok": outcomes["ok"],
        "hung": outcomes["hung"],
        "parent died": outcomes["parent"],
        "failed otherwise": outcomes["failed"] + outcomes["crashed"],
        "parent's failed calls": sum(len(report["errors"]) for report in reports),
    }


@click.command()
def main() -> None:
    """Measure, keep each batch, store the sums."""
    rows, figures = [], Counter[str]()
    for release in RELEASES:
        for gated, forks, patience in (
            ("gate", FORKS, PATIENCE),
            ("none", COMPARED, COMPARED_PATIENCE),
        ):
            for kind in KINDS:
                reports = measure(release, gated, kind, forks, patience)
                rows.append(row(release, gated, kind, reports))
                outcomes = total(reports)
                figures[f"{gated}_forks"] += sum(outcomes.values())
                figures[f"{gated}_lost"] += outcomes["hung"] + outcomes["parent"]
    results.store("fork_gate_releases", rows, {**figures})
    for line in rows:
        print(line)


if __name__ == "__main__":
    main()
