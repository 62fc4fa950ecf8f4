"""Benchmark: how long `python3 noxfile.py` takes to begin, once `.venv` is there.

The target is below 2 s; an interpreter that does nothing is timed beside it in the same run.
"""

import statistics
import subprocess
import sys
import time

from tests.book import ROOT

STARTS = 10
MOST_SECONDS = 2.0
PYTHON = str(vars(sys)["_base_executable"])  # not the one of .venv, which skips what is timed


def seconds(*arguments: str) -> float:
    """Return the wall-clock seconds of one Python process."""
    begin = time.perf_counter()
    subprocess.run([PYTHON, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> int:
    """Measure in turn, print, compare with the target."""
    pairs = [(seconds("noxfile.py", "--list"), seconds("-c", "pass")) for _ in range(STARTS)]
    start, nothing = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"warm start: {start:.2f} s, {start / nothing:.0f} times an interpreter that does nothing"
    )
    print(f"(target: below {MOST_SECONDS} s)")
    return int(start >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
