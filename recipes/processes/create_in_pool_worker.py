# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in a pool whose workers each own a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_in_pool_worker.py
"""

import sys
from multiprocessing import Pool

import google.auth
from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> tuple[str, str | None, str | None]:
    """Runs in a worker. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def main() -> int:
    google.auth.default()  # fails here, once: a Pool restarts a worker that cannot start for ever
    emails = sys.stdin.read().split()
    failures = 0
    with Pool(WORKERS, initializer=start_worker) as workers:
        for email, validity, error in workers.imap_unordered(mint, emails):
            if error is None:
                print(email, validity, sep="\t")
            else:
                failures += 1
                print(email, error, sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
