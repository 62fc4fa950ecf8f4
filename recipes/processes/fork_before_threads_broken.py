# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint and sign for each service account: threads of this process call, and worker processes too.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python fork_before_threads_broken.py
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from functools import cache

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@cache
def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Return the client of this process, created at the first call and kept."""
    return iam_credentials_v1.IAMCredentialsClient()


def sign(email: str, payload: bytes) -> str:
    """Runs in a worker, with the worker's client; return the id of the key that signed."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        return client().sign_blob(name=name, payload=payload, timeout=10).key_id  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        raise RuntimeError(str(error)) from None


def serve(workers: ProcessPoolExecutor, email: str) -> str:
    """Runs in a thread: it calls with the client of this process, and has a worker call, too."""
    name = f"projects/-/serviceAccounts/{email}"
    token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    expiry = f"{token.expire_time:%Y-%m-%d %H:%M} UTC"
    key_id = workers.submit(sign, email, expiry.encode()).result()
    return f"valid until {expiry}, signed with {key_id}"


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with ProcessPoolExecutor(WORKERS) as workers, ThreadPoolExecutor(THREADS) as threads:
        client()  # created before the threads ask for it; from here on a fork is dangerous
        served = {threads.submit(serve, workers, email): email for email in emails}
        workers.submit(os.getpid).result()  # the first task forks every worker
        for future in as_completed(served):
            try:
                print(served[future], future.result(), sep="\t")
            except (GoogleAPIError, RuntimeError) as error:  # of a call, or of the pool's end
                failures += 1
                print(served[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
