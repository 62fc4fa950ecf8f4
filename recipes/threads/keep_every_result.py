# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Look up the numeric id of each service account, of which some may no longer exist.

Usage: python keep_every_result.py < emails.txt > ids.txt 2> errors.txt
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 8


def unique_id(client: iam_admin_v1.IAMClient, email: str) -> tuple[str, str]:
    """Runs in many threads at once; an error is returned, and so stays with its input."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        return client.get_service_account(name=name, timeout=10).unique_id, ""  # at most 70 s
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with iam_admin_v1.IAMClient() as client, ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(unique_id, client), emails)
        for email, (number, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or number, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
