# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an ID token for each service account, in an executor whose workers each own a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_in_executor_worker.py
"""

import json
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
AUDIENCE = "https://example.com"

Answer = tuple[str, str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        response = client.generate_id_token(name=name, audience=AUDIENCE, timeout=10)
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    claims = json.loads(urlsafe_b64decode(response.token.split(".")[1] + "=="))
    expiry = datetime.fromtimestamp(claims["exp"], timezone.utc)
    return email, f"valid until {expiry:%Y-%m-%d %H:%M} UTC", None


def answered(futures: Iterable[Future[Answer]]) -> Iterator[Answer]:
    """Yield what an executor answered that has ended; what died with a worker is left out."""
    for future in futures:
        with suppress(BrokenExecutor):
            if future.done():  # a task submitted while the executor breaks may never be
                yield future.result()


def main() -> int:
    failed = dict.fromkeys(sys.stdin.read().split(), "a worker died before this was answered")
    futures: list[Future[Answer]] = []
    with (
        ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers,
        suppress(BrokenExecutor),  # by `submit`, once a worker has died or could not start
    ):
        futures.extend(workers.submit(mint, email) for email in failed)
    for email, validity, error in answered(futures):
        if error is None:
            print(email, validity, sep="\t")
            del failed[email]
        else:
            failed[email] = error
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
