# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint tokens in workers that are recycled, and sign a receipt of each in threads.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python recycle_workers.py TASKS_PER_WORKER
"""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from threading import Thread

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

START_METHOD = "forkserver"  # or "spawn", which Windows has, too
PRELOADED = [iam_credentials_v1.__name__]  # for forkserver alone: a new worker imports nothing
WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty


@cache
def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Return the client of this process, created at the first call and kept."""
    return iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> tuple[str, str, str]:
    """Runs in a worker, which ends after its last task; a new one takes its place."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return email, "", " ".join(str(error).split()) or type(error).__name__


def sign(email: str, validity: str) -> Answer:
    """Runs in a thread of the parent, while workers come and go."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        signed = client().sign_blob(
            name=name, payload=validity.encode(), timeout=10
        )  # at most 70 s
        return f"{validity}, signed with key {signed.key_id}", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def start_worker() -> None:
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def main(tasks_per_worker: int) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    answers: dict[str, Answer] = dict.fromkeys(emails, ("", f"no answer in {LIMIT} s"))
    signed: dict[str, Future[Answer]] = {}
    context = multiprocessing.get_context(START_METHOD)
    context.set_forkserver_preload(PRELOADED)
    with (
        context.Pool(WORKERS, start_worker, maxtasksperchild=tasks_per_worker) as workers,
        ThreadPoolExecutor(THREADS) as threads,
        suppress(multiprocessing.TimeoutError),  # a Pool does not say that a worker died
    ):
        client()  # the first workers are there by now; the others start while the threads call
        minted = workers.imap_unordered(mint, emails)
        for _ in emails:
            email, validity, error = minted.next(timeout=LIMIT)
            answers[email] = validity, error
            if not error:
                signed[email] = threads.submit(sign, email, validity)
    answers.update((email, future.result(timeout=LIMIT)) for email, future in signed.items())
    for email, (receipt, error) in answers.items():
        print(email, error or receipt, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if any(error for _, error in answers.values()) else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        sys.exit(__doc__)
    try:
        sys.exit(main(int(sys.argv[1])))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
