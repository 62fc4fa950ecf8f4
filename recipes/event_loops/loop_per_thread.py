# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit service accounts from threads that share one event loop, and the client that lives in it.

Usage: gcloud iam service-accounts list --format='value(email)' | python loop_per_thread.py
"""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1

THREADS = 4


@contextmanager
def loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run a loop in a thread of its own until the block is left."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="event loop")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)  # few methods of a loop may be called from outside
        thread.join()
        loop.close()


async def create_client() -> iam_admin_v1.IAMAsyncClient:
    """Runs in the loop: the client belongs to the loop that it is created in."""
    return iam_admin_v1.IAMAsyncClient()


async def close(client: iam_admin_v1.IAMAsyncClient) -> None:
    """Runs in the loop, too, after the last call."""
    async with client:
        pass


async def audit(client: iam_admin_v1.IAMAsyncClient, email: str) -> str:
    """Runs in the loop, many at once, each with its three calls at once."""
    name = f"projects/-/serviceAccounts/{email}"
    account, keys, policy = await asyncio.gather(
        client.get_service_account(name=name, timeout=10),  # at most 70 s
        # with what the client tries again: at most 70 s
        client.list_service_account_keys({"name": name, "key_types": ["USER_MANAGED"]}, timeout=10),
        client.get_iam_policy({"resource": name}, timeout=10),  # at most 10 s
    )
    state = "disabled" if account.disabled else "enabled"
    return f"{state}, keys: {len(keys.keys)}, roles granted on it: {len(policy.bindings)}"


def report(loop: asyncio.AbstractEventLoop, client: iam_admin_v1.IAMAsyncClient, email: str) -> str:
    """Runs in a thread, and waits there until the loop has done it."""
    return asyncio.run_coroutine_threadsafe(audit(client, email), loop).result()


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with loop_in_a_thread() as loop:
        client = asyncio.run_coroutine_threadsafe(create_client(), loop).result()
        with ThreadPoolExecutor(THREADS) as threads:
            futures = {email: threads.submit(report, loop, client, email) for email in emails}
        asyncio.run_coroutine_threadsafe(close(client), loop).result()
    for email, future in futures.items():
        try:
            print(email, future.result(), sep="\t")
        except GoogleAPIError as error:
            failures += 1
            print(email, " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
