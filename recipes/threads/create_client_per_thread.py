# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in threads that each have a client of their own.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_client_per_thread.py
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

thread = threading.local()


def start_thread() -> None:
    """Runs once in each thread; the client is gone when the thread ends."""
    thread.client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> str:
    """Runs in many threads at once, each with its own client."""
    token = thread.client.generate_access_token(
        name=f"projects/-/serviceAccounts/{email}",
        scope=[SCOPE],
        timeout=10,  # at most 70 s
    )
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with ThreadPoolExecutor(THREADS, initializer=start_thread) as threads:
        futures = {threads.submit(mint, email): email for email in emails}
        for future in as_completed(futures):
            try:
                print(futures[future], future.result(), sep="\t")
            except GoogleAPIError as error:
                failures += 1
                print(futures[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
