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

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 8
AHEAD = 2 * THREADS  # inputs whose call has not ended, at most
ROLES = {"roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"}


def impersonators(client: iam_admin_v1.IAMClient, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each with the same client."""
    resource = f"projects/-/serviceAccounts/{email}"
    try:
        policy = client.get_iam_policy(request={"resource": resource}, timeout=10)  # at most 10 s
        found = [grant.members for grant in policy.bindings if grant.role in ROLES]
        return " ".join(sorted(set().union(*found))) or "nobody", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def audit(emails: Iterable[str]) -> int:
    """Print who may impersonate each account; return how many have no answer."""
    free, output = Semaphore(AHEAD), Lock()
    failures, read_by_nobody = 0, False

    def show(email: str, future: Future[tuple[str, str]]) -> None:
        """Runs as soon as the call has ended, mostly in the thread that made it."""
        nonlocal failures, read_by_nobody
        free.release()
        members, error = future.result()
        with output:
            try:
                if not error:
                    print(email, members, sep="\t", flush=True)
            except Exception as unread:  # whatever leaves a callback is logged, and forgotten
                error = f"not shown: {unread}"
                read_by_nobody |= isinstance(unread, BrokenPipeError)  # as after `| head`
            if error:
                failures += 1
                print(email, error, sep="\t", file=sys.stderr)

    with iam_admin_v1.IAMClient() as client, ThreadPoolExecutor(THREADS) as threads:
        for email in emails:
            free.acquire()  # while enough is under way we do not read on, and the writer waits
            if read_by_nobody:
                failures += 1
                print(email, "read, but not sent", sep="\t", file=sys.stderr)
                break
            threads.submit(impersonators, client, email).add_done_callback(partial(show, email))
    return failures


def main() -> int:
    failures = audit(email for line in sys.stdin for email in line.split())
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
