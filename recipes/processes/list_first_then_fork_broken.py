# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit the age of every key of a project's service accounts, which the parent lists first.

Usage: python list_first_then_fork_broken.py PROJECT_ID
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from itertools import zip_longest
from multiprocessing import active_children, parent_process
from threading import Barrier, Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call or a page may take
Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_admin_v1.IAMClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the one that it left here."""
    Thread(target=end_with_parent, daemon=True).start()


def list_emails(project: str) -> Answer:
    """Runs in the parent, with the client that the workers inherit."""
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


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    describe_keys(email)
    warm.wait()
    while True:
        describe_keys(email)


def main(project: str) -> int:
    global client
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    futures: list[Future[Answer]] = []
    failures = 0
    client = iam_admin_v1.IAMClient()
    listed, error = list_emails(project)
    if error:
        sys.exit(f"{project}\t{error}")
    emails = listed.split()
    warm = Barrier(THREADS + 1)
    for email in (emails * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
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
