# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in workers that import nothing when they start.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python preload_forkserver.py
"""

import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PRELOADED = [iam_credentials_v1.__name__]  # a name that is misspelt is passed over in silence

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker: the server that it was forked from has no client."""
    global client
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> str:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        raise RuntimeError(str(error)) from None
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


def main() -> int:
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)  # before the first worker: it starts the server
    failed = dict.fromkeys(sys.stdin.read().split(), "a worker died before this was answered")
    futures: dict[Future[str], str] = {}
    with (
        ProcessPoolExecutor(WORKERS, context, start_worker) as workers,
        suppress(BrokenProcessPool),  # by `submit`, once a worker has died or could not start
    ):
        for email in failed:
            futures[workers.submit(mint, email)] = email
    for future, email in futures.items():
        if not future.done():  # submitted while the executor broke: it may never be
            continue
        try:
            print(email, future.result(), sep="\t")
            del failed[email]
        except RuntimeError as error:  # of the call, or BrokenProcessPool
            failed[email] = " ".join(str(error).split())
    for email, reason in failed.items():
        print(email, reason, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
