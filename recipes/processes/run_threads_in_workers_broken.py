# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in workers with the threads of their parent.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python run_threads_in_workers_broken.py
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from itertools import zip_longest
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

PROCESSES = 2
THREADS = 4
CHUNK = 2 * THREADS  # inputs that a worker takes at once: enough for all its threads
LIMIT = 180  # seconds, longer than a chunk may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
threads: ThreadPoolExecutor


def start_worker() -> None:
    """Runs once in each worker, after the fork: client and threads are those that it left here."""
    Thread(target=end_with_parent, daemon=True).start()


def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a worker, which waits here for its threads."""
    return list(threads.map(mint, emails))


def mint(email: str) -> Answer:
    """Runs in a thread of a worker. The token is used there; only its expiry leaves."""
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


def answers(chunk: list[str], future: Future[list[Answer]] | None) -> list[Answer]:
    """Return what a chunk came to, in bounded time: its worker may have died, or hang."""
    try:
        return future.result(timeout=LIMIT) if future else [("", "no worker was left")] * len(chunk)
    except Exception as error:
        if future and not future.done():
            for worker in active_children():
                worker.kill()  # so that what waits for one of them ends as well
        return [("", str(error) or f"no answer in {LIMIT} s")] * len(chunk)


def main() -> int:
    global client, threads
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    chunks = [emails[start : start + CHUNK] for start in range(0, len(emails), CHUNK)]
    client = iam_credentials_v1.IAMCredentialsClient()
    threads = ThreadPoolExecutor(THREADS)
    mint_all(emails[:THREADS])  # the parent has used its client and its threads
    futures: list[Future[list[Answer]]] = []
    failures = 0
    with ProcessPoolExecutor(PROCESSES, initializer=start_worker) as workers:
        with suppress(BrokenExecutor):  # by `submit`, once a worker has died
            futures.extend(workers.submit(mint_all, chunk) for chunk in chunks)
        for chunk, future in zip_longest(chunks, futures):
            for email, (validity, error) in zip(chunk, answers(chunk, future), strict=True):
                failures += bool(error)
                print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
