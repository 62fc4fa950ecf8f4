# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Audit the age of every key of a project's service accounts, with a client for each call.

Usage: python share_one_client_broken.py PROJECT_ID
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1

THREADS = 8


def list_emails(project: str) -> list[str]:
    client = iam_admin_v1.IAMClient()
    # with what the client tries again: at most 70 s a page
    pages = client.list_service_accounts(name=f"projects/{project}", timeout=10)
    return [account.email for account in pages]


def describe_keys(project: str, email: str) -> str:
    """Runs in many threads at once, each time with a new client."""
    client = iam_admin_v1.IAMClient()
    request = {
        "name": f"projects/{project}/serviceAccounts/{email}",
        "key_types": ["USER_MANAGED"],
    }
    response = client.list_service_account_keys(request, timeout=10)  # at most 70 s
    now = datetime.now(timezone.utc)
    ages = sorted(((now - key.valid_after_time).days for key in response.keys), reverse=True)
    return f"oldest of {len(ages)} keys: {ages[0]} days" if ages else "no keys"


def main(project: str) -> int:
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        emails = list_emails(project)
        futures = {threads.submit(describe_keys, project, email): email for email in emails}
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
