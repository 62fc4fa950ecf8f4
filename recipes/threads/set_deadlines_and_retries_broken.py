# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Count the permissions of each role, with no limit to an attempt.

Usage: gcloud iam roles list --format='value(name)' | python set_deadlines_and_retries_broken.py
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 8
TOTAL = 30  # seconds after which no other attempt is begun

ERRORS = if_exception_type(DeadlineExceeded, ServiceUnavailable)
RETRY = Retry(ERRORS, initial=0.1, maximum=2, timeout=TOTAL)


def describe(client: iam_admin_v1.IAMClient, name: str) -> tuple[str, str]:
    """Runs in many threads at once."""
    try:
        role = client.get_role({"name": name}, retry=RETRY)
        return f"{len(role.included_permissions)} permissions", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main() -> int:
    names = sys.stdin.read().split()
    failures = 0
    with iam_admin_v1.IAMClient() as client, ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(describe, client), names)
        for name, (number, error) in zip(names, answers, strict=True):
            failures += bool(error)
            print(name, error or number, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
