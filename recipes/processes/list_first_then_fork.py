# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit the age of every key of a project's service accounts, which a worker lists first.

Usage: python list_first_then_fork.py PROJECT_ID
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from itertools import zip_longest
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

WORKERS = 4
LIMIT = 90  # seconds, longer than a call or a page may take
Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_admin_v1.IAMClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_admin_v1.IAMClient()


def list_emails(project: str) -> Answer:
    """Runs in a worker: the parent needs what is listed, not the client that lists it."""
    try:
        # with what the client tries again: at most 70 s a page
        pages = client.list_service_accounts(name=f"projects/{project}", timeout=10)
        return " ".join(account.email for account in pages), ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def describe_keys(email: str) -> Answer:
    """Runs in a worker, for each account that another may have listed."""
    request = {"name": f"projects/-/serviceAccounts/{email}", "key_types": ["USER_MANAGED"]}
    try:
        keys = client.list_service_account_keys(request, timeout=10).keys  # at most 70 s
        now = datetime.now(timezone.utc)
        ages = [(now - key.valid_after_time).days for key in keys]
        return (f"oldest of {len(ages)} keys: {max(ages)} days" if ages else "no keys"), ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def answer(future: Future[Answer] | None) -> Answer:
    """Return what a task came to, in bounded time: its worker may have died, or hang."""
    if future is None:
        return "", "no worker was left to take this"
    try:
        return future.result(timeout=LIMIT)
    except Exception as error:
        if not future.done():
            for worker in active_children():
                worker.kill()  # so that what waits for one of them ends as well
        return "", str(error) or f"no answer in {LIMIT} s"


def main(project: str) -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    futures: list[Future[Answer]] = []
    failures = 0
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        listed, error = answer(workers.submit(list_emails, project))
        if error:
            sys.exit(f"{project}\t{error}")
        emails = listed.split()
        with suppress(BrokenExecutor):  # by `submit`, once a worker has died
            futures.extend(workers.submit(describe_keys, email) for email in emails)
        for email, future in zip_longest(emails, futures):
            keys, error = answer(future)
            failures += bool(error)
            print(email, error or keys, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(sys.argv[1]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
