# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Say what the caller may do with each service account, and close the client after each call.

Usage: python close_after_threads_broken.py < emails.txt
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_admin_v1

THREADS = 8
PERMISSIONS = ["iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"]


def permissions(client: iam_admin_v1.IAMClient, email: str) -> str:
    """Runs in many threads at once, each with the same client, which it closes."""
    request = {"resource": f"projects/-/serviceAccounts/{email}", "permissions": PERMISSIONS}
    with client:
        # the client tries once: at most 10 s
        granted = client.test_iam_permissions(request=request, timeout=10).permissions
    return " ".join(sorted(granted)) or "none"


def main() -> int:
    emails = sys.stdin.read().split()
    failures = 0
    # what is entered last is left first: the threads end, then the client is closed
    with iam_admin_v1.IAMClient() as client, ThreadPoolExecutor(THREADS) as threads:
        futures = {threads.submit(permissions, client, email): email for email in emails}
        for future in as_completed(futures):
            try:
                print(futures[future], future.result(), sep="\t")
            except GoogleAPIError as error:
                failures += 1
                print(futures[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
