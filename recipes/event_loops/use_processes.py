# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an ID token for each service account of a project, in processes that each run a loop.

Usage: python use_processes.py PROJECT_ID
"""

import asyncio
import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import zip_longest
from multiprocessing import active_children, get_context, parent_process
from threading import Thread

import google.auth
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1, iam_credentials_v1

PROCESSES = 2
CHUNK = 5  # accounts that a worker is given at once, and so calls that its loop has under way
LIMIT = 90  # seconds, longer than a call may take
AUDIENCE = "https://example.com"

Answer = tuple[str, str]  # the result, and the error: one of them is empty
Client = iam_credentials_v1.IAMCredentialsAsyncClient

loop: asyncio.AbstractEventLoop
client: Client


def start_worker() -> None:
    """Runs once in each worker: the loop is its own, and the client is created in it."""
    global loop, client
    Thread(target=end_with_parent, daemon=True).start()
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(create_client())


async def create_client() -> Client:
    return Client()


def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a worker, whose loop makes the calls for these accounts at once."""
    return loop.run_until_complete(gather(emails))


async def gather(emails: list[str]) -> list[Answer]:
    return await asyncio.gather(*map(mint, emails))


async def mint(email: str) -> Answer:
    """Runs in the loop of a worker. The token is used there; only its length leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        response = await client.generate_id_token(name=name, audience=AUDIENCE, timeout=10)
        return f"a token of {len(response.token)} characters", ""
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


async def main(project: str) -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    context = get_context("forkserver")  # its workers inherit nothing of this process
    futures: list[Future[list[Answer]]] = []
    failures = 0
    async with iam_admin_v1.IAMAsyncClient() as lookup:  # open while the workers start
        # with what the client tries again: at most 70 s a page
        accounts = await lookup.list_service_accounts(name=f"projects/{project}", timeout=10)
        emails = [account.email async for account in accounts]
        chunks = [emails[start : start + CHUNK] for start in range(0, len(emails), CHUNK)]
        workers = ProcessPoolExecutor(PROCESSES, context, start_worker)
        try:
            with suppress(BrokenExecutor):  # by `submit`, once a worker has died
                futures.extend(workers.submit(mint_all, chunk) for chunk in chunks)
            for chunk, future in zip_longest(chunks, futures):
                answered = await asyncio.to_thread(answers, chunk, future)  # the loop goes on
                for email, (token, error) in zip(chunk, answered, strict=True):
                    failures += bool(error)
                    print(email, error or token, sep="\t", file=sys.stderr if error else sys.stdout)
        finally:
            await asyncio.to_thread(workers.shutdown)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])))
    except (DefaultCredentialsError, GoogleAPIError) as error:  # the latter: of the list
        sys.exit(" ".join(str(error).split()))
