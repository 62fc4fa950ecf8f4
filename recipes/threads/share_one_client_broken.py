# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit the age of every key of a project's service accounts, with a client for each call.

Usage: python share_one_client_broken.py PROJECT_ID
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import partial

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

THREADS = 8


def list_emails(project: str) -> list[str]:
    with iam_admin_v1.IAMClient() as client:
        # with what the client tries again: at most 70 s a page
        pages = client.list_service_accounts(name=f"projects/{project}", timeout=10)
        return [account.email for account in pages]


def describe_keys(project: str, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each time with a new client."""
    name = f"projects/{project}/serviceAccounts/{email}"
    request = {"name": name, "key_types": ["USER_MANAGED"]}
    try:
        with iam_admin_v1.IAMClient() as client:
            response = client.list_service_account_keys(request, timeout=10)  # at most 70 s
        now = datetime.now(timezone.utc)
        ages = [(now - key.valid_after_time).days for key in response.keys]
        return f"oldest of {len(ages)} keys: {max(ages)} days" if ages else "no keys", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main(project: str) -> int:
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        emails = list_emails(project)
        answers = threads.map(partial(describe_keys, project), emails)
        for email, (age, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or age, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DefaultCredentialsError, GoogleAPIError) as error:  # the latter: of the list
        sys.exit(" ".join(str(error).split()))
