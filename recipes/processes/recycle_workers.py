# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint tokens in workers that are recycled, and sign a receipt of each in threads.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python recycle_workers.py TASKS_PER_WORKER
"""

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from multiprocessing import get_context

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

START_METHOD = "forkserver"  # or "spawn", which Windows has, too
PRELOADED = [iam_credentials_v1.__name__]  # for forkserver alone: a new worker imports nothing
WORKERS = 4
THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@cache
def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Create the client of this process at its first use."""
    return iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> tuple[str, str | None, str | None]:
    """Runs in a worker, which ends after its last task; a new one takes its place."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def sign(email: str, validity: str) -> str:
    """Runs in a thread of the parent, while workers come and go."""
    name = f"projects/-/serviceAccounts/{email}"
    digest = sha256(f"{email} {validity}".encode()).digest()
    key_id = client().sign_blob(name=name, payload=digest, timeout=10).key_id  # at most 70 s
    return f"{validity}, signed with key {key_id}"


def main(tasks_per_worker: int) -> int:
    emails = sys.stdin.read().split()
    failures: dict[str, str] = {}
    signed: dict[Future[str], str] = {}
    context = get_context(START_METHOD)
    context.set_forkserver_preload(PRELOADED)
    with (
        context.Pool(WORKERS, maxtasksperchild=tasks_per_worker) as workers,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        client()  # the first workers are there by now; the others start while the threads call
        for email, validity, error in workers.imap_unordered(mint, emails):
            if validity is not None:
                signed[threads.submit(sign, email, validity)] = email
            elif error is not None:
                failures[email] = error
        for future, email in signed.items():
            try:
                print(email, future.result(), sep="\t")
            except GoogleAPIError as error:
                failures[email] = " ".join(str(error).split())
    for email, text in failures.items():
        print(email, text, sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(int(sys.argv[1])))
