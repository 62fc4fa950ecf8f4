# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an ID token for each service account of a project, in processes forked from a loop.

Usage: python use_processes_broken.py PROJECT_ID
"""

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1, iam_credentials_v1

PROCESSES = 2
CHUNK = 5  # accounts that a worker is given at once, and so calls that its loop has under way
AUDIENCE = "https://example.com"

Answer = tuple[str, str | None, str | None]

loop: asyncio.AbstractEventLoop
client: iam_credentials_v1.IAMCredentialsAsyncClient


def start_worker() -> None:
    """Runs once in each worker: the loop is its own, and the client is created in it."""
    global loop, client
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(create_client())


async def create_client() -> iam_credentials_v1.IAMCredentialsAsyncClient:
    return iam_credentials_v1.IAMCredentialsAsyncClient()


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
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, f"a token of {len(response.token)} characters", None


async def main(project: str) -> int:
    here = asyncio.get_running_loop()
    lookup = iam_admin_v1.IAMAsyncClient()  # open while the workers start, as in a service
    # with what the client tries again: at most 70 s a page
    accounts = await lookup.list_service_accounts(name=f"projects/{project}", timeout=10)
    emails = [account.email async for account in accounts]
    failed = dict.fromkeys(emails, "a worker died before this was answered")

    context = get_context("fork")  # its workers inherit what this process has open
    workers = ProcessPoolExecutor(PROCESSES, context, start_worker)
    futures: list[asyncio.Future[list[Answer]]] = []
    with suppress(BrokenProcessPool):  # by a submit, once a worker has died or could not start
        for start in range(0, len(emails), CHUNK):
            chunk = emails[start : start + CHUNK]
            futures.append(here.run_in_executor(workers, mint_all, chunk))
    await asyncio.to_thread(workers.shutdown)  # waits for all answers, and the loop goes on

    for future in futures:
        with suppress(BrokenProcessPool):
            # what was submitted while the executor broke may never be done: nobody waits for it
            for email, result, error in future.result() if future.done() else []:
                if error is None:
                    print(email, result, sep="\t")
                    del failed[email]
                else:
                    failed[email] = error
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1])))
