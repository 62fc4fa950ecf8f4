"""Benchmark: the memory that a bounded backlog takes, and one without a bound, by inputs.

Every input is a call to the local IAM. The memory is that of the process, above what it was after
the first `WARM` inputs: what the library takes once is not counted. A run ends when the last input
is read, where a backlog is longest; nobody waits until it is worked off.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from google.cloud import iam_admin_v1  # noqa: F401 (what is imported is not counted)

from recipes.testing.local_iam import LocalIAM, LocalIAMControl
from tests.benchmarks.results import Row, store
from tests.book import ROOT

WARM = 500
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
BETWEEN_LOOKS = 50
MEGABYTE = 1_000_000
FLAT = 5.0
"""Megabytes that the bounded backlog may differ by, whatever the number of inputs."""
FILES = {"bounded [MB]": "bound_backlog", "unbounded [MB]": "bound_backlog_broken"}


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def inputs(email: str, count: int) -> Iterator[str]:
    """Yield new strings, as if they were read; at the end say how much the memory grew, and end."""
    before = most = 0
    for number in range(WARM + count):
        if number == WARM:
            before = resident()
        if number >= WARM and number % BETWEEN_LOOKS == 0:
            most = max(most, resident())
        yield email[:1] + email[1:]
    grown = max(most, resident()) - before
    print(grown, file=sys.stderr, flush=True)
    os._exit(0)


def grown(file: str, count: int) -> float:
    """Return the megabytes by which a new process grows with so many inputs."""
    command = [sys.executable, "-m", __spec__.name, "--file", file, "--most", str(count)]
    run = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert 1 == len(run.stderr.splitlines()), run.stderr  # each other line is a call that failed
    return round(int(run.stderr) / MEGABYTE, 1)


def measure(most: int) -> int:
    """Measure each number of inputs up to the most, print and store the rows."""
    rows: list[Row] = []
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        for count in COUNTS:
            if count <= most:
                row: Row = {"inputs": f"{count:,}"}
                row |= {column: grown(file, count) for column, file in FILES.items()}
                rows.append(row)
                print(*row.values(), sep="\t", flush=True)
    bounded, unbounded = ([float(row[column]) for row in rows] for column in FILES)
    flat_within = round(max(bounded) - min(bounded), 1)
    figures: dict[str, str | int | float] = {
        "least_inputs": COUNTS[0],
        "most_inputs": max(count for count in COUNTS if count <= most),
        "flat_within_mb": flat_within,
        "unbounded_mb": max(unbounded),
    }
    store("bound_backlog", rows, figures)
    print(f"flat within {flat_within} MB (target: {FLAT:.0f} MB)")
    return int(flat_within > FLAT)


@click.command()
@click.option("--most", default=COUNTS[-1], show_default=True, help="Inputs of the longest run.")
@click.option("--file", type=click.Choice(list(FILES.values())), hidden=True)
def main(most: int, file: str | None) -> None:
    """Measure, or be the process that is measured."""
    if file is None:
        sys.exit(measure(most))
    email = LocalIAMControl.from_environment().service_accounts[0]
    importlib.import_module(f"recipes.threads.{file}").audit(inputs(email, most))


if __name__ == "__main__":
    main()
