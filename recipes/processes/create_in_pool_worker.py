# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in a pool whose workers each own a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_in_pool_worker.py
"""

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


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


def main() -> int:
    google.auth.default()  # raises here, once: a Pool starts workers that cannot for ever
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    failed = dict.fromkeys(sys.stdin.read().split(), f"no answer in {LIMIT} s")
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
