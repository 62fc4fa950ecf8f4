"""Benchmark: what becomes of a fork that comes as a call returns, or when its threads rest.

A process makes a client, calls, and forks; the child makes a client of its own, calls, and forks
in turn. A call returns before the threads that gRPC started for it have ended, the sooner the
busier the processors are: two processes compute meanwhile.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import results
from tests.safeguards.attacks import HUNG, forked, sign, wait_until_threads_rest

FORKS = 1_500
LIMIT = 20
"""Seconds after which a child that has not ended hangs."""
COMPUTE = (sys.executable, "-c", "while True: pass")


def fork_in_turn(wait: Callable[[], object]) -> str:
    """Return `ok`, or how the child, or the child's fork, ended instead."""

    def call() -> None:
        sign(iam_credentials_v1.IAMCredentialsClient())
        wait()

    def child() -> str:
        call()
        return forked(within=LIMIT / 2)

    call()
    return forked(child, within=LIMIT)


def main() -> None:
    """Measure both moments, print and store the table."""
    rows: list[results.Row] = []
    with ExitStack() as stack:
        local_iam = stack.enter_context(LocalIAM())
        for _ in range(os.cpu_count() or 1):
            computing = stack.enter_context(subprocess.Popen(COMPUTE))
            stack.callback(computing.kill)
        os.environ.update(local_iam.environment, ACCOUNT=local_iam.service_accounts[0])
        moments: dict[str, Callable[[], object]] = {
            "as its call returns": int,
            "when its threads rest": wait_until_threads_rest,
        }
        for moment, wait in moments.items():
            ended = Counter(fork_in_turn(wait) for _ in range(FORKS))
            rows.append(
                {
                    "a process forks": moment,
                    "forks in turn": f"{FORKS:,}",
                    "hung": ended.pop(HUNG, 0),
                    "crashed": ended.total() - ended["ok"],
                }
            )
            print(*rows[-1].values(), ended, sep="\t", flush=True)
    results.store("fork_after_call", rows)


if __name__ == "__main__":
    main()
