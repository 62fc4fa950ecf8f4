# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in workers that are sent settings.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python send_settings.py [--minutes 10] [--scopes URL...] [--delegates EMAIL...]
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Settings:
    """What a worker needs to know in order to make the calls itself: plain data."""

    minutes: int
    scopes: tuple[str, ...]
    delegates: tuple[str, ...]


client: iam_credentials_v1.IAMCredentialsClient
settings: Settings


def start_worker(sent: Settings) -> None:
    """Runs once in each worker: settings come from the parent, the client is made here."""
    global client, settings
    client = iam_credentials_v1.IAMCredentialsClient()
    settings = sent


def mint(email: str) -> Answer:
    """Runs in a worker. What leaves it is plain data, too: an expiry, or the text of an error."""
    request = {
        "name": f"projects/-/serviceAccounts/{email}",
        "scope": settings.scopes,
        "delegates": [f"projects/-/serviceAccounts/{each}" for each in settings.delegates],
        "lifetime": timedelta(minutes=settings.minutes),
    }
    try:
        token = client.generate_access_token(request, timeout=10)  # at most 70 s
    except GoogleAPIError as error:
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def options() -> Settings:
    parser = ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--scopes", nargs="+", default=[SCOPE])
    parser.add_argument("--delegates", nargs="+", default=[])
    given = parser.parse_args()
    return Settings(given.minutes, tuple(given.scopes), tuple(given.delegates))


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
        ProcessPoolExecutor(WORKERS, initializer=start_worker, initargs=(options(),)) as workers,
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
