# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "google-auth>=2.26", "requests>=2.20"]
# ///
"""Say who may act as each service account, in threads that each begin with a refresh.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python share_credentials_broken.py AUDITOR
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

import google.auth
from google.api_core.exceptions import GoogleAPIError
from google.auth import impersonated_credentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import iam_admin_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def act_as(email: str) -> impersonated_credentials.Credentials:
    """Return credentials that hold no token yet."""
    source, _ = google.auth.default()
    credentials = impersonated_credentials.Credentials(source, email, [SCOPE])
    credentials.with_non_blocking_refresh()  # from now on one thread renews, and none waits
    return credentials


def describe_policy(client: iam_admin_v1.IAMClient, email: str) -> str:
    """Runs in many threads at once, each with the same client."""
    name = f"projects/-/serviceAccounts/{email}"
    policy = client.get_iam_policy(resource=name, timeout=10)  # at most 10 s
    members = {member for binding in policy.bindings for member in binding.members}
    return ", ".join(sorted(members)) or "nobody"


def main(auditor: str) -> int:
    try:
        credentials = act_as(auditor)
    except GoogleAuthError as error:
        print(auditor, " ".join(str(error).split()), sep="\t", file=sys.stderr)
        return 1
    client = iam_admin_v1.IAMClient(credentials=credentials)
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        emails = dict.fromkeys(sys.stdin.read().split())
        futures = {threads.submit(describe_policy, client, email): email for email in emails}
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
