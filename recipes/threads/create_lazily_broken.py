# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, with a client that the first call creates.

Usage: gcloud iam service-accounts list --format='value(email)' | python create_lazily_broken.py
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 16
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

clients: list[iam_credentials_v1.IAMCredentialsClient] = []
opened = ExitStack()  # closes what was created, if something was
creating = False


def client() -> iam_credentials_v1.IAMCredentialsClient:
    """Return the one client, which the first call creates."""
    global creating
    if not creating:
        creating = True  # no other thread creates one
        clients.append(opened.enter_context(iam_credentials_v1.IAMCredentialsClient()))
    return clients[0]


def mint(email: str) -> tuple[str, str]:
    """Runs in many threads at once, and creates the client in one of them."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        token = client().generate_access_token(name=name, scope=[SCOPE], timeout=10)
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main() -> int:
    google.auth.default()  # raises here, once, and not in each thread
    emails = sys.stdin.read().split()
    failures = 0
    with opened, ThreadPoolExecutor(THREADS) as threads:
        for email, (validity, error) in zip(emails, threads.map(mint, emails), strict=True):
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
