# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in a pool whose workers inherit a busy client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_in_pool_worker_broken.py
"""

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from threading import Barrier, Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the one that it left here."""
    Thread(target=end_with_parent, daemon=True).start()


def mint(email: str) -> tuple[str, str, str]:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return email, "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    mint(email)
    warm.wait()
    while True:
        mint(email)


def main() -> int:
    global client
    google.auth.default()  # raises here, once: a Pool starts workers that cannot for ever
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    failed = dict.fromkeys(sys.stdin.read().split(), f"no answer in {LIMIT} s")
    client = iam_credentials_v1.IAMCredentialsClient()
    warm = Barrier(THREADS + 1)
    for email in (list(failed) * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    with multiprocessing.Pool(WORKERS, initializer=start_worker) as workers:
        answers = workers.imap_unordered(mint, list(failed))
        with suppress(multiprocessing.TimeoutError):  # a Pool does not say that a worker died
            for _ in list(failed):
                email, validity, error = answers.next(timeout=LIMIT)
                if error:
                    failed[email] = error
                else:
                    del failed[email]
                    print(email, validity, sep="	")
    for email, error in failed.items():
        print(email, error, sep="	", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
