# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Say what the caller may do with each service account, and close the client after the last call.

Usage: python close_after_threads.py < emails.txt
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 8
PERMISSIONS = ["iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"]


def permissions(client: iam_admin_v1.IAMClient, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each with the same client, which it leaves open."""
    request = {"resource": f"projects/-/serviceAccounts/{email}", "permissions": PERMISSIONS}
    try:
        granted = client.test_iam_permissions(request, timeout=10).permissions  # at most 10 s
        return " ".join(sorted(granted)) or "none", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    # what is entered last is left first: the threads end, then the client is closed
    with iam_admin_v1.IAMClient() as client, ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(permissions, client), emails)
        for email, (granted, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or granted, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
