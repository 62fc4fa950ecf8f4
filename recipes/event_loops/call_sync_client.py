# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint tokens for service accounts by a function that is not async, in a program that is.

Usage: gcloud iam service-accounts list --format='value(email)' | python call_sync_client.py
"""

import asyncio
import sys
from collections.abc import Iterator

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 4
PAUSE = 0.05  # seconds between the beginnings of two calls, to stay below a quota
LIMIT = 90  # seconds, longer than a turn may take to come
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Client = iam_credentials_v1.IAMCredentialsClient
Loop = asyncio.AbstractEventLoop


async def turn(turns: asyncio.Lock) -> None:
    """Runs in the loop: calls begin one after the other, in whichever thread."""
    async with turns:
        await asyncio.sleep(PAUSE)


def mint(client: Client, loop: Loop, turns: asyncio.Lock, email: str) -> tuple[str, str]:
    """Runs in a thread, where it may wait: the loop goes on meanwhile."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        asyncio.run_coroutine_threadsafe(turn(turns), loop).result(timeout=LIMIT)
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


async def mint_all(client: Client, turns: asyncio.Lock, emails: Iterator[str]) -> int:
    """One of a few tasks that share the accounts: each takes the next when its thread is free."""
    loop = asyncio.get_running_loop()
    failures = 0
    for email in emails:
        validity, error = await asyncio.to_thread(mint, client, loop, turns, email)
        failures += bool(error)
        print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return failures


async def main() -> int:
    emails = iter(sys.stdin.read().split())
    turns = asyncio.Lock()
    with Client() as client:  # one for all threads
        tasks = [mint_all(client, turns, emails) for _ in range(THREADS)]
        return 1 if any(await asyncio.gather(*tasks)) else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
