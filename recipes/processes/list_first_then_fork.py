# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit the age of every key of a project's service accounts, which a worker lists first.

Usage: python list_first_then_fork.py PROJECT_ID
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from typing import TypeVar

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1

WORKERS = 4

T = TypeVar("T")
Answer = tuple[str, T | None, str | None]

client: iam_admin_v1.IAMClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    client = iam_admin_v1.IAMClient()


def list_emails(project: str) -> list[str]:
    """Runs in a worker: the parent needs what is listed, not the client that lists it."""
    # with what the client tries again: at most 70 s a page
    pages = client.list_service_accounts(name=f"projects/{project}", timeout=10)
    return [account.email for account in pages]


def describe_keys(email: str) -> str:
    """Runs in a worker, for each account that another may have listed."""
    name = f"projects/-/serviceAccounts/{email}"
    request = {"name": name, "key_types": ["USER_MANAGED"]}
    response = client.list_service_account_keys(request, timeout=10)  # at most 70 s
    now = datetime.now(timezone.utc)
    ages = sorted(((now - key.valid_after_time).days for key in response.keys), reverse=True)
    return f"oldest of {len(ages)} keys: {ages[0]} days" if ages else "no keys"


def attempt(call: Callable[[str], T], name: str) -> Answer[T]:
    """Runs in a worker. Errors of calls do not pickle, their text does."""
    try:
        return name, call(name), None
    except GoogleAPIError as error:
        return name, None, " ".join(str(error).split())


def answered(futures: Iterable[Future[Answer[T]]]) -> Iterator[Answer[T]]:
    """Yield what an executor answered that has ended; what died with a worker is left out."""
    for future in futures:
        with suppress(BrokenExecutor):
            if future.done():  # a task submitted while the executor breaks may never be
                yield future.result()


def audit(project: str) -> dict[str, str]:
    """Print a line for each account whose keys are known; return what failed, and why."""
    failed = {project: "a worker died before its accounts were listed"}
    futures: list[Future[Answer[str]]] = []
    with (
        ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers,
        suppress(BrokenExecutor),  # once a worker has died or could not start
    ):
        _, emails, error = workers.submit(attempt, list_emails, project).result()
        if emails is None:
            return {project: str(error)}
        failed = dict.fromkeys(emails, "a worker died before its keys were listed")
        futures.extend(workers.submit(attempt, describe_keys, email) for email in emails)
    for email, keys, error in answered(futures):
        if error is None:
            print(email, keys, sep="\t")
            del failed[email]
        else:
            failed[email] = error
    return failed


def main(project: str) -> int:
    failed = audit(project)
    for name, error in failed.items():
        print(name, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
