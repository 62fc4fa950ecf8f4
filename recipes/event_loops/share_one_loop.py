# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit service accounts from threads that share one event loop, and the client that lives in it.

Usage: gcloud iam service-accounts list --format='value(email)' | python share_one_loop.py
"""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 4
LIMIT = 90  # seconds, longer than a call may take

Client = iam_admin_v1.IAMAsyncClient
Loop = asyncio.AbstractEventLoop


async def create_client() -> Client:
    """Runs in the loop: the client belongs to the loop that it is created in."""
    return Client()


async def audit(client: Client, email: str) -> str:
    """Runs in the loop, many at once, each with its three calls at once."""
    name = f"projects/-/serviceAccounts/{email}"
    user_managed = {"name": name, "key_types": ["USER_MANAGED"]}
    found: Any = await asyncio.gather(
        client.get_service_account(name=name, timeout=10),  # at most 70 s
        client.list_service_account_keys(user_managed, timeout=10),  # at most 70 s
        client.get_iam_policy({"resource": name}, timeout=10),  # at most 10 s
        return_exceptions=True,  # so none is left under way where another has failed
    )
    for error in found:
        if isinstance(error, Exception):
            raise error
    account, keys, policy = found
    state = "disabled" if account.disabled else "enabled"
    return f"{state}, keys: {len(keys.keys)}, roles granted on it: {len(policy.bindings)}"


def report(loop: Loop, client: Client, email: str) -> tuple[str, str]:
    """Runs in a thread, and waits there until the loop has done it."""
    call = asyncio.run_coroutine_threadsafe(audit(client, email), loop)
    try:
        return call.result(LIMIT), ""
    except Exception as error:
        call.cancel()  # at the limit: nothing stays under way in the loop
        return "", " ".join(str(error).split()) or type(error).__name__


@contextmanager
def loop_in_a_thread() -> Iterator[Loop]:
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


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with loop_in_a_thread() as loop:
        client = asyncio.run_coroutine_threadsafe(create_client(), loop).result(LIMIT)
        try:
            with ThreadPoolExecutor(THREADS) as threads:
                answers = threads.map(partial(report, loop, client), emails)
                for email, (found, error) in zip(emails, answers, strict=True):
                    failures += bool(error)
                    print(email, error or found, sep="\t", file=sys.stderr if error else sys.stdout)
        finally:
            asyncio.run_coroutine_threadsafe(client.transport.close(), loop).result(LIMIT)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
