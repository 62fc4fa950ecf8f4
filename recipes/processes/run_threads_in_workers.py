# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in worker processes with threads of their own.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python run_threads_in_workers.py
"""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

PROCESSES = 2
THREADS = 4
CHUNK = 2 * THREADS  # inputs that a worker takes at once: enough for all its threads
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient
threads: ThreadPoolExecutor


def start_worker() -> None:
    """Runs once in each worker, after the fork: its threads share one client, both its own."""
    global client, threads
    client = iam_credentials_v1.IAMCredentialsClient()
    threads = ThreadPoolExecutor(THREADS)


def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a worker, which waits here for its threads."""
    return list(threads.map(mint, emails))


def mint(email: str) -> Answer:
    """Runs in a thread of a worker. The token is used there; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def mint_in(workers: Executor, chunks: Iterable[list[str]]) -> Iterator[Answer]:
    """Yield an answer for each account, also where a worker died or could not start."""
    futures = {}
    for chunk in chunks:
        try:
            futures[workers.submit(mint_all, chunk)] = chunk
        except BrokenExecutor as error:  # it broke while chunks were still being submitted
            yield from ((email, None, str(error)) for email in chunk)
    for future in as_completed(futures):
        try:
            yield from future.result()
        except BrokenExecutor as error:  # it broke with this chunk in a worker, or waiting
            yield from ((email, None, str(error)) for email in futures[future])


def main() -> int:
    emails = sys.stdin.read().split()
    chunks = [emails[start : start + CHUNK] for start in range(0, len(emails), CHUNK)]
    failures = 0
    with ProcessPoolExecutor(PROCESSES, initializer=start_worker) as workers:
        for email, validity, error in mint_in(workers, chunks):
            if error is None:
                print(email, validity, sep="\t")
            else:
                failures += 1
                print(email, error, sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
