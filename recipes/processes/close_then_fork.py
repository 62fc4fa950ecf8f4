# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account that is enabled, as a worker asked before.

Usage: gcloud iam service-accounts list --format='value(email)' | python close_then_fork.py
"""

import sys
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1, iam_credentials_v1

THREADS = 8
WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
Answer = tuple[str, str | None, str | None]
"""A service account, with its result or with what went wrong."""

client: iam_credentials_v1.IAMCredentialsClient


def state(admin: iam_admin_v1.IAMClient, email: str) -> Answer:
    name = f"projects/-/serviceAccounts/{email}"
    try:
        account = admin.get_service_account(name=name, timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, "disabled" if account.disabled else "enabled", None


def ask(emails: list[str]) -> list[Answer]:
    """Runs in a worker, which forks nothing: there the closing of a client may take its time."""
    with iam_admin_v1.IAMClient() as admin, ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(partial(state, admin), emails))


def start_worker() -> None:
    global client
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def main() -> int:
    emails = sys.stdin.read().split()
    failed = dict.fromkeys(emails, "a worker died before this account was answered")
    with (
        ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers,
        suppress(BrokenExecutor),  # whatever has no answer by then remains in `failed`
    ):
        states = workers.submit(ask, emails).result()  # this first task forks every worker
        enabled = [email for email, state, _ in states if state == "enabled"]
        others = [answer for answer in states if answer[1] != "enabled"]
        for email, result, error in chain(others, workers.map(mint, enabled)):
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
