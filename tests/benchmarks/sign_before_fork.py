"""Benchmark: how often a child hangs in its first signature, by what threads of its parent did.

Child and parent sign as the credentials of a service account do, each time in a new thread, which
is how gRPC asks credentials for a token. Neither has a client.
"""

import os
import signal
from collections.abc import Callable
from functools import partial
from threading import Thread

from google.auth.crypt import RSASigner

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import results

LIMIT = 5
"""Seconds after which the system kills a child that has not signed."""
ROWS = (
    (1, "signed, and was joined", 10_000),
    (8, "signed, and the first was joined", 5_000),
    (1, "did nothing, and was joined", 10_000),
)

Work = Callable[[], object]


def hung_children(forks: int, threads: int, work: Work, sign: Work) -> int:
    """Return how many children did not sign.

    Each fork comes when the first of some threads that do the work has been joined.
    """
    hung = 0
    for _ in range(forks):
        started = [Thread(target=work) for _ in range(threads)]
        for thread in started:
            thread.start()
        started[0].join()
        pid = os.fork()
        if pid == 0:
            signal.alarm(LIMIT)
            own = Thread(target=sign)
            own.start()
            own.join()
            os._exit(0)
        hung += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0
        for thread in started[1:]:
            thread.join()
    return hung


def main() -> None:
    """Measure each row, print and store the table."""
    with LocalIAM() as local_iam:
        signer = RSASigner.from_service_account_file(
            local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]
        )
    sign = partial(signer.sign, b"text")
    rows: list[results.Row] = []
    for threads, what, forks in ROWS:
        hung = hung_children(forks, threads, sign if "signed" in what else int, sign)
        rows.append(
            {
                "threads of the parent": threads,
                "before the fork each": what,
                "forks": f"{forks:,}",
                "children that hung": hung,
            }
        )
        print(*rows[-1].values(), sep="\t", flush=True)
    results.store("sign_before_fork", rows)


if __name__ == "__main__":
    main()
