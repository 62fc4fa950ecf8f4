# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account of an endless input, once it has been read.

Usage: tail --follow=name emails.txt | python stream_results_broken.py > results.txt
"""

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
LIMIT = 180  # seconds, longer than two calls may take: each worker has two at most
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str, str]  # the input, the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
failed: list[str] = []


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker, and prints nothing there."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return email, "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def show(email: str, validity: str, error: str) -> None:
    try:
        if not error:
            print(email, validity, sep="\t", flush=True)
    except BrokenPipeError:  # nobody reads the output
        os._exit(128 + signal.SIGPIPE)
    except Exception as unshown:  # whatever leaves a callback is logged, and forgotten
        error = f"not shown: {unshown}"
    if error:
        failed.append(email)
        print(email, error, sep="\t", file=sys.stderr, flush=True)


def main() -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = (email for line in sys.stdin for email in line.split())
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        for answer in workers.map(mint, emails, timeout=LIMIT):  # reads all of the input first
            show(*answer)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
