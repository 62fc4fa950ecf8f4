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

from google.cloud import iam_admin_v1

THREADS = 8

Answer = tuple[str | None, Exception | None]


def unique_id(client: iam_admin_v1.IAMClient, email: str) -> str:
    name = f"projects/-/serviceAccounts/{email}"
    return client.get_service_account(name=name, timeout=10).unique_id  # at most 70 s


def answer(client: iam_admin_v1.IAMClient, email: str) -> Answer:
    """Runs in many threads at once; an error is returned, and so stays with its input."""
    try:
        return unique_id(client, email), None
    except Exception as error:
        return None, error


def main() -> int:
    client = iam_admin_v1.IAMClient()
    emails = sys.stdin.read().split()
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(answer, client), emails)
        for email, (result, error) in zip(emails, answers, strict=True):
            if error is None:
                print(email, result, sep="\t")
            else:
                failures += 1
                print(email, " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
