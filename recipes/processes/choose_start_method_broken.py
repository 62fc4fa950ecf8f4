# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint tokens in threads, and sign a receipt of each in forked processes meanwhile.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python choose_start_method_broken.py
"""

import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from functools import cache
from hashlib import sha256
from multiprocessing import get_context

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

START_METHOD = "fork"
THREADS = 8
WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@cache
def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Create the client of this process at its first use."""
    return iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> str:
    """Runs in a thread of the parent."""
    name = f"projects/-/serviceAccounts/{email}"
    token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


def sign(email: str, validity: str) -> str:
    """Runs in a worker."""
    name = f"projects/-/serviceAccounts/{email}"
    digest = sha256(f"{email} {validity}".encode()).digest()
    try:
        key_id = client().sign_blob(name=name, payload=digest, timeout=10).key_id  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        raise RuntimeError(str(error)) from None
    return f"{validity}, signed with key {key_id}"


def main() -> int:
    client()  # before the threads ask for it all at once
    emails = sys.stdin.read().split()
    failures: dict[str, Exception] = {}
    signed: dict[Future[str], str] = {}
    with (
        ThreadPoolExecutor(THREADS) as threads,
        # workers start at the first submits, while the threads call
        ProcessPoolExecutor(WORKERS, mp_context=get_context(START_METHOD)) as workers,
    ):
        minted = {threads.submit(mint, email): email for email in emails}
        for future in as_completed(minted):
            email = minted[future]
            try:
                signed[workers.submit(sign, email, future.result())] = email
            except (GoogleAPIError, RuntimeError) as error:
                failures[email] = error
        for future in as_completed(signed):
            try:
                print(signed[future], future.result(), sep="\t")
            except RuntimeError as error:  # of the call, or BrokenProcessPool
                failures[signed[future]] = error
    for email, failure in failures.items():
        print(email, " ".join(str(failure).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
