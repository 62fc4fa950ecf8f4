# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each enabled service account, in processes forked beside a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python close_async_clients_broken.py
"""

import asyncio
import multiprocessing
import sys
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import suppress

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1, iam_credentials_v1

WORKERS = 2
ACCOUNTS = 5  # that a loop of a worker answers
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str | None, str | None]
"""A service account, with its result or with what went wrong."""

admin: iam_admin_v1.IAMAsyncClient


async def state(admin: iam_admin_v1.IAMAsyncClient, email: str) -> Answer:
    name = f"projects/-/serviceAccounts/{email}"
    try:
        account = await admin.get_service_account(name=name, timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, "disabled" if account.disabled else "enabled", None


async def ask(emails: list[str]) -> list[Answer]:
    """Runs in a loop of the process that forks later."""
    global admin
    admin = iam_admin_v1.IAMAsyncClient()
    return await asyncio.gather(*(state(admin, email) for email in emails))


async def mint(client: iam_credentials_v1.IAMCredentialsAsyncClient, email: str) -> Answer:
    """The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        token = await client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
    except GoogleAPIError as error:
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


async def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a loop of a worker, with a client of its own."""
    async with iam_credentials_v1.IAMCredentialsAsyncClient() as client:
        return await asyncio.gather(*(mint(client, email) for email in emails))


def answer(emails: list[str]) -> list[Answer]:
    return asyncio.run(mint_all(emails))


def main() -> int:
    emails = sys.stdin.read().split()
    states = asyncio.run(ask(emails))
    failed = dict.fromkeys(emails, "a worker died before this account was answered")
    answers = [each for each in states if each[1] != "enabled"]
    enabled = [email for email, result, _ in states if result == "enabled"]
    parts = [enabled[i : i + ACCOUNTS] for i in range(0, len(enabled), ACCOUNTS)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as workers, suppress(BrokenExecutor):
        for part in workers.map(answer, parts):
            answers += part
    for email, result, error in answers:
        if error is None:
            print(email, result, sep="\t")
            del failed[email]
        else:
            failed[email] = error
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
