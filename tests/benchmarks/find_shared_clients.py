"""Benchmark: how long the check for shared clients takes over installed packages, on one core.

The target is 10 seconds for 100,000 lines. Parsing alone is timed in the same run.
"""

import os
import resource
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.benchmarks import results
from tests.book import ROOT

PACKAGES = ("docutils", "google", "sphinx")
REPEATS = 3
LINES = 100_000
MOST_SECONDS = 10.0
CHECK = ("-m", "recipes.safeguards.find_shared_clients")
PARSE_ONLY = """
import ast, pathlib, sys
for folder in sys.argv[1:]:
    for path in pathlib.Path(folder).rglob("*.py"):
        ast.parse(path.read_bytes())
"""
PARSE = ("-c", PARSE_ONLY)


def seconds(command: tuple[str, ...], folders: list[Path]) -> float:
    """Return the least seconds of a core that a command took over the folders."""
    taken = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command, *map(str, folders)], cwd=ROOT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def main() -> int:
    """Measure, print, store, compare with the target."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    installed = Path(sysconfig.get_path("purelib"))
    folders = [installed / name for name in PACKAGES]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    parse, check = (seconds(command, folders) for command in (PARSE, CHECK))
    os.sched_setaffinity(0, cores)
    rows: list[results.Row] = [
        {
            "step": step,
            "files": f"{len(files):,}",
            "lines": f"{lines:,}",
            "seconds of one core": round(taken, 1),
            f"seconds for {LINES:,} lines": round(taken * LINES / lines, 1),
        }
        for step, taken in (("parse", parse), ("parse and check", check))
    ]
    each = round(check * LINES / lines, 1)
    results.store("find_shared_clients", rows, {"seconds": each, "lines": lines})
    for row in rows:
        print(*row.values(), sep="  ")
    print(f"(target: below {MOST_SECONDS} s for {LINES:,} lines)")
    return int(each >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
