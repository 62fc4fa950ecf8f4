# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "google-auth>=2.26", "requests>=2.20"]
# ///
"""Say who may act as each service account, in threads that share an auditor's credentials.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python share_credentials.py AUDITOR
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import google.auth
from google.auth import impersonated_credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud import iam_admin_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def describe_policy(client: iam_admin_v1.IAMClient, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each with the same client."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        policy = client.get_iam_policy(resource=name, timeout=10)  # at most 10 s
        members = {member for binding in policy.bindings for member in binding.members}
        return ", ".join(sorted(members)) or "nobody", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main(auditor: str) -> int:
    source, _ = google.auth.default()
    credentials = impersonated_credentials.Credentials(source, auditor, [SCOPE])
    credentials.with_non_blocking_refresh()  # one thread renews the token, and none waits
    try:  # refreshing is not locked, so one thread begins
        credentials.refresh(partial(Request(), timeout=10))
    except GoogleAuthError as reason:
        sys.exit(f"{auditor}\t{' '.join(str(reason).split())}")
    emails = sys.stdin.read().split()
    failures = 0
    with (
        iam_admin_v1.IAMClient(credentials=credentials) as client,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        answers = threads.map(partial(describe_policy, client), emails)
        for email, (members, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or members, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
