# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Say who may impersonate each service account of a stream that may have no end.

Usage: tail --follow=name emails.txt | python bound_backlog.py > members.txt
"""

import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock, Semaphore

from google.cloud import iam_admin_v1

THREADS = 8
AHEAD = 2 * THREADS  # inputs whose call has not ended, at most
ROLES = {"roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"}


def impersonators(client: iam_admin_v1.IAMClient, email: str) -> str:
    """Runs in many threads at once, each with the same client."""
    resource = f"projects/-/serviceAccounts/{email}"
    policy = client.get_iam_policy(request={"resource": resource}, timeout=10)  # at most 10 s
    found = {member for grant in policy.bindings if grant.role in ROLES for member in grant.members}
    return " ".join(sorted(found)) or "nobody"


def audit(emails: Iterable[str]) -> int:
    """Print who may impersonate each account; return how many calls failed."""
    client = iam_admin_v1.IAMClient()
    free, output = Semaphore(AHEAD), Lock()
    failures, read_by_nobody = 0, False

    def show(email: str, future: Future[str]) -> None:
        """Runs as soon as the call has ended, mostly in the thread that made it."""
        nonlocal failures, read_by_nobody
        free.release()
        with output:
            try:
                print(email, future.result(), sep="\t", flush=True)
            except Exception as error:  # whatever leaves a callback is logged, and forgotten
                failures += 1
                read_by_nobody |= isinstance(error, BrokenPipeError)  # as after `| head`
                print(email, " ".join(str(error).split()), sep="\t", file=sys.stderr)

    with ThreadPoolExecutor(THREADS) as threads:
        for email in emails:
            free.acquire()  # while enough is under way we do not read on, and the writer waits
            if read_by_nobody:
                break
            threads.submit(impersonators, client, email).add_done_callback(partial(show, email))
    return failures


def main() -> int:
    failures = audit(email for line in sys.stdin for email in line.split())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
