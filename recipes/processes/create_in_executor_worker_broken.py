# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an ID token for each service account, in an executor whose workers inherit a busy client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_in_executor_worker_broken.py
"""

import json
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from threading import Barrier, Thread

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
THREADS = 8
AUDIENCE = "https://example.com"

Answer = tuple[str, str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient


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


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    mint(email)
    warm.wait()
    while True:
        mint(email)


def main() -> int:
    global client
    client = iam_credentials_v1.IAMCredentialsClient()
    failed = dict.fromkeys(sys.stdin.read().split(), "a worker died before this was answered")
    warm = Barrier(THREADS + 1)
    for email in (list(failed) * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    futures: list[Future[Answer]] = []
    with (
        ProcessPoolExecutor(WORKERS) as workers,
        suppress(BrokenExecutor),  # by `submit`, once a worker has died
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
