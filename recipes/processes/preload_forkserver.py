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
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        raise RuntimeError(str(error)) from None
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


def main() -> int:
    emails = sys.stdin.read().split()
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)  # before the first worker: it starts the server
    futures: dict[Future[str], str] = {}
    failures: dict[str, Exception] = {}
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=start_worker) as workers:
        for email in emails:
            try:
                futures[workers.submit(mint, email)] = email
            except BrokenProcessPool as error:  # a worker has died before this was submitted
                failures[email] = error
        for future, email in futures.items():
            try:
                print(email, future.result(), sep="\t")
            except RuntimeError as error:  # of the call, or BrokenProcessPool
                failures[email] = error
    for email, failure in failures.items():
        print(email, " ".join(str(failure).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
