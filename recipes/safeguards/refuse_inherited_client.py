# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account where its client was created, not in the workers.

The workers of the pool inherit a busy client; the guard refuses it, and the parent mints instead.
Needs fork_guard.py beside it, which is on the same page.
Usage: gcloud iam service-accounts list --format='value(email)' |
           python refuse_inherited_client.py
"""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import fork_guard
import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def mint(email: str) -> tuple[str, str]:
    """Runs in threads of the parent, and in workers, which inherit the client."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except fork_guard.InheritedClientError:
        raise  # before anything is sent
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def keep_busy(email: str, warm: Barrier, done: Event) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    mint(email)
    warm.wait()
    while not done.is_set():
        mint(email)


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def start_worker() -> None:
    Thread(target=end_with_parent, daemon=True).start()


def main() -> int:
    global client
    fork_guard.install()
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    client = iam_credentials_v1.IAMCredentialsClient()
    emails = sys.stdin.read().split()
    busy = (emails * THREADS)[:THREADS]
    warm, done = Barrier(len(busy) + 1), Event()
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        for email in busy:
            threads.submit(keep_busy, email, warm, done)
        warm.wait()  # every thread has an answer, and calls on
        with multiprocessing.get_context("fork").Pool(WORKERS, start_worker) as workers:
            results = [(email, workers.apply_async(mint, [email])) for email in emails]
            for email, result in results:
                try:
                    validity, error = result.get(timeout=LIMIT)
                except fork_guard.InheritedClientError as refusal:
                    print(refusal, file=sys.stderr)
                    validity, error = mint(email)  # here, where the client was created
                except multiprocessing.TimeoutError:
                    validity, error = "", f"no answer in {LIMIT} s"
                failures += bool(error)
                print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
        done.set()
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
