# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each enabled service account, in processes forked beside a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python close_async_clients_broken.py
"""

import asyncio
import gc
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import zip_longest
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1, iam_credentials_v1

WORKERS = 2
CHUNK = 5  # accounts that a loop answers at once
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_admin_v1.IAMAsyncClient


async def state(client: iam_admin_v1.IAMAsyncClient, email: str) -> Answer:
    name = f"projects/-/serviceAccounts/{email}"
    try:
        account = await client.get_service_account(name=name, timeout=10)  # at most 70 s
        return ("disabled" if account.disabled else "enabled"), ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


async def ask(chunks: list[list[str]]) -> list[Answer]:
    """Runs in a loop of the process that forks later, which keeps the client."""
    global client
    states: list[Answer] = []
    client = iam_admin_v1.IAMAsyncClient()
    for chunk in chunks:
        states += await asyncio.gather(*(state(client, email) for email in chunk))
    return states


async def mint(client: iam_credentials_v1.IAMCredentialsAsyncClient, email: str) -> Answer:
    """The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        token = await client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


async def gather(emails: list[str]) -> list[Answer]:
    async with iam_credentials_v1.IAMCredentialsAsyncClient() as client:
        return await asyncio.gather(*(mint(client, email) for email in emails))


def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a worker, in a loop and with a client of its own."""
    return asyncio.run(gather(emails))


def start_worker() -> None:
    Thread(target=end_with_parent, daemon=True).start()


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


def native_threads() -> int:
    """Count the threads of this process, also those of gRPC, which Python does not know."""
    return len(list(Path("/proc/self/task").iterdir()))


def wait_until_closed(threads: int) -> None:
    """Return when there are no more threads than that: what they hold can freeze the fork."""
    limit = time.monotonic() + LIMIT
    while native_threads() > threads:
        if time.monotonic() > limit:
            sys.exit("a client is open, and this process must not fork")
        gc.collect()  # the errors of calls that failed hold what they came from
        time.sleep(0.01)


def main() -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    chunks = [emails[start : start + CHUNK] for start in range(0, len(emails), CHUNK)]
    states = asyncio.run(ask(chunks))
    answered = dict(zip(emails, states, strict=True))
    enabled = [email for email in emails if answered[email][0] == "enabled"]
    chunks = [enabled[start : start + CHUNK] for start in range(0, len(enabled), CHUNK)]
    futures: list[Future[list[Answer]]] = []
    failures = 0
    with ProcessPoolExecutor(WORKERS, get_context("fork"), start_worker) as workers:
        with suppress(BrokenExecutor):  # by `submit`, once a worker has died
            futures.extend(workers.submit(mint_all, chunk) for chunk in chunks)
        for chunk, future in zip_longest(chunks, futures):
            answered.update(zip(chunk, answers(chunk, future), strict=True))
    for email, (result, error) in answered.items():
        failures += bool(error)
        print(email, error or result, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
