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
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Condition

from google.api_core.exceptions import ResourceExhausted
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1
from google.rpc.error_details_pb2 import RetryInfo

THREADS = 8
ATTEMPTS = 5
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Client = iam_credentials_v1.IAMCredentialsClient


class Limiter:
    """Lets so many threads pass in a minute, one after the other, and none during a pause."""

    def __init__(self, per_minute: float) -> None:
        if not per_minute > 0:
            raise ValueError(f"no number of calls: {per_minute}")
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


def mint(client: Client, limiter: Limiter, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each with the same client and the same limiter."""
    name = f"projects/-/serviceAccounts/{email}"
    text = ""
    for _ in range(ATTEMPTS):
        limiter.wait()
        try:
            # with what the client tries again: at most 70 s
            token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
            return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            if not isinstance(error, ResourceExhausted):
                break
            limiter.pause(asked_to_wait(error))
    return "", text


def main(per_minute: str) -> int:
    limiter = Limiter(float(per_minute))
    emails = sys.stdin.read().split()
    failures = 0
    with Client() as client, ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(mint, client, limiter), emails)
        for email, (validity, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DefaultCredentialsError, ValueError) as error:  # the latter: no number
        sys.exit(str(error))
