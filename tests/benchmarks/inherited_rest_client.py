"""Benchmark: how often processes that inherit a REST client receive each other's tokens.

Each row is `RUNS` runs of the broken twin, with a service at some distance.
"""

import os
import subprocess
import sys

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks.results import Row, store
from tests.book import BOOK, ROOT
from tests.runner import answers

RUNS = 20
DISTANCES = (0, 10, 50, 100)
"""Milliseconds, one way."""
TWIN = BOOK.path("processes/create_rest_client_broken")


def failures(accounts: list[str]) -> list[str]:
    """Run the twin, and return what became of the accounts that it did not answer."""
    done = subprocess.run(
        [sys.executable, str(TWIN)],
        cwd=ROOT,
        input="\n".join(accounts),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [error for _, error in answers(done.stderr)]


def main() -> int:
    """Measure each distance, print and store the table."""
    rows: list[Row] = []
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        for distance in DISTANCES:
            local_iam.far(distance / 1000)
            runs = [failures(local_iam.service_accounts) for _ in range(RUNS)]
            wrong = [[e for e in run if e.startswith("received the token of")] for run in runs]
            rows.append(
                {
                    "distance of the service, one way [ms]": distance,
                    "runs": RUNS,
                    "runs with a token of another account": sum(map(bool, wrong)),
                    "runs with a call that failed": sum(
                        len(run) > len(tokens) for run, tokens in zip(runs, wrong, strict=True)
                    ),
                }
            )
            print(*rows[-1].values(), sep="\t")
    store("inherited_rest_client", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
