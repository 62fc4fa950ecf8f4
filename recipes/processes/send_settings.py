# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in workers that are sent settings.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python send_settings.py [--minutes 10] [--scopes URL...] [--delegates EMAIL...]
"""

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import zip_longest
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
settings: Namespace


def start_worker(sent: Namespace) -> None:
    """Runs once in each worker: settings come from the parent, the client is made here."""
    global client, settings
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()
    settings = sent


def mint(email: str) -> Answer:
    """Runs in a worker. What leaves it is plain data, too: an expiry, or the text of an error."""
    request = {
        "name": f"projects/-/serviceAccounts/{email}",
        "scope": settings.scopes,
        "delegates": [f"projects/-/serviceAccounts/{each}" for each in settings.delegates],
        "lifetime": timedelta(minutes=settings.minutes),
    }
    try:
        token = client.generate_access_token(request, timeout=10)  # at most 70 s
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


def options() -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--scopes", nargs="+", default=[SCOPE])
    parser.add_argument("--delegates", nargs="+", default=[])
    return parser.parse_args()


def main() -> int:
    sent = (options(),)  # plain data, which pickles
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    futures: list[Future[Answer]] = []
    failures = 0
    with ProcessPoolExecutor(WORKERS, None, start_worker, sent) as workers:
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
