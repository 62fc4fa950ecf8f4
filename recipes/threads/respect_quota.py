# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, all threads together within one quota.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python respect_quota.py CALLS_PER_MINUTE
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Condition

from google.api_core.exceptions import GoogleAPIError, ResourceExhausted
from google.cloud import iam_credentials_v1
from google.rpc.error_details_pb2 import RetryInfo

THREADS = 8
ATTEMPTS = 5
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Limiter:
    """Lets so many threads pass in a minute, one after the other, and none during a pause."""

    def __init__(self, per_minute: float) -> None:
        self._interval = 60 / per_minute
        self._next = 0.0
        self._lock = Condition()

    def wait(self) -> None:
        """Return when it is this thread's turn."""
        with self._lock:
            while (seconds := self._next - time.monotonic()) > 0:
                self._lock.wait(seconds)  # others may take the lock meanwhile
            self._next = time.monotonic() + self._interval

    def pause(self, seconds: float) -> None:
        """Let all threads wait, those too that wait already."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def asked_to_wait(error: ResourceExhausted) -> float:
    """Return the seconds that the service asks for, or a minute."""
    for detail in error.details:
        if isinstance(detail, RetryInfo):
            return float(detail.retry_delay.ToTimedelta().total_seconds())
    return 60.0


def mint(client: iam_credentials_v1.IAMCredentialsClient, limiter: Limiter, email: str) -> str:
    """Runs in many threads at once, each with the same client and the same limiter."""
    name = f"projects/-/serviceAccounts/{email}"
    attempts = ATTEMPTS
    while True:
        limiter.wait()
        try:
            # with what the client tries again: at most 70 s
            token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
            return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"
        except ResourceExhausted as error:
            limiter.pause(asked_to_wait(error))
            attempts -= 1
            if not attempts:
                raise


def main(per_minute: str) -> int:
    emails = sys.stdin.read().split()
    client, limiter = iam_credentials_v1.IAMCredentialsClient(), Limiter(float(per_minute))
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        futures = {threads.submit(mint, client, limiter, email): email for email in emails}
        for future in as_completed(futures):
            try:
                print(futures[future], future.result(), sep="\t")
            except GoogleAPIError as error:
                failures += 1
                print(futures[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
