# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint and sign for each service account: threads of this process call, and worker processes too.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python fork_before_threads_broken.py
"""

import os
import signal
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache, partial
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty


@cache
def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Return the client of this process, created at the first call and kept."""
    return iam_credentials_v1.IAMCredentialsClient()


def serve(workers: ProcessPoolExecutor, email: str) -> Answer:
    """Runs in a thread of the parent: it calls, and has a worker call, too."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        expiry = f"{token.expire_time:%Y-%m-%d %H:%M} UTC"
        key_id, error = answer(workers.submit(sign, email, expiry.encode()))
    except Exception as failure:
        return "", " ".join(str(failure).split()) or type(failure).__name__
    return f"valid until {expiry}, signed with key {key_id}", error


def start_worker() -> None:
    Thread(target=end_with_parent, daemon=True).start()


def sign(email: str, payload: bytes) -> Answer:
    """Runs in a worker, with the worker's client; return the id of the key that signed."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        return client().sign_blob(name=name, payload=payload, timeout=10).key_id, ""  # at most 70 s
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def answer(future: Future[Answer]) -> Answer:
    """Return what a task came to, in bounded time: its worker may have died, or hang."""
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
    emails = sys.stdin.read().split()
    failures = 0
    with (
        ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        client()  # created before the threads ask for it; from here on a fork is dangerous
        served = threads.map(partial(serve, workers), emails)
        workers.submit(os.getpid).result(timeout=LIMIT)  # the first task forks every worker
        for email, (receipt, error) in zip(emails, served, strict=True):
            failures += bool(error)
            print(email, error or receipt, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
