# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in workers that import nothing when they start.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python preload_forkserver.py
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import zip_longest
from multiprocessing import active_children, get_context, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PRELOADED = [iam_credentials_v1.__name__]  # a name that is misspelt is passed over in silence

Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker: the server that it was forked from has no client."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
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


def main() -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)  # before the first worker: it starts the server
    emails = sys.stdin.read().split()
    futures: list[Future[Answer]] = []
    failures = 0
    with ProcessPoolExecutor(WORKERS, context, start_worker) as workers:
        with suppress(BrokenExecutor):  # by `submit`, once a worker has died
            futures.extend(workers.submit(mint, email) for email in emails)
        for email, future in zip_longest(emails, futures):
            validity, error = answer(future)
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
