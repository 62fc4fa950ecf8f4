# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account that is enabled, as this process asked before.

Usage: gcloud iam service-accounts list --format='value(email)' | python close_then_fork_broken.py
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1, iam_credentials_v1

THREADS = 8
WORKERS = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty

admin: iam_admin_v1.IAMClient
client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def state(email: str) -> Answer:
    """Runs in the parent, which closes the client, and forks while the closing still goes on."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        account = admin.get_service_account(name=name, timeout=10)  # at most 70 s
        return ("disabled" if account.disabled else "enabled"), ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def mint(email: str) -> Answer:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
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


def main() -> int:
    global admin
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    minted: dict[str, Future[Answer]] = {}
    failures = 0
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        with iam_admin_v1.IAMClient() as admin, ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(state, emails))
        states = [(email, *each) for email, each in zip(emails, found, strict=True)]
        with suppress(BrokenExecutor):  # by `submit`, once a worker has died
            for email in [email for email, said, _ in states if said == "enabled"]:
                minted[email] = workers.submit(mint, email)
        for email, said, error in states:
            if said == "enabled":
                said, error = answer(minted.get(email))
            failures += bool(error)
            print(email, error or said, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
