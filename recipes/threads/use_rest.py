# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "requests>=2.20"]
# ///
"""Sign a JWT with the key of each service account, with one REST client for all threads.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python use_rest.py AUDIENCE
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1
from requests.adapters import DEFAULT_POOLSIZE

THREADS = DEFAULT_POOLSIZE  # each call has a connection to itself, and so many are kept
RETRY = Retry(timeout=30)  # after broken connections too, as the client's own retry does not

Client = iam_credentials_v1.IAMCredentialsClient


def sign(client: Client, audience: str, email: str) -> tuple[str, str]:
    """Runs in many threads at once, each with the same client."""
    now = int(time.time())
    claims = {"iss": email, "sub": email, "aud": audience, "iat": now, "exp": now + 600}
    name = f"projects/-/serviceAccounts/{email}"
    try:
        response = client.sign_jwt(name=name, payload=json.dumps(claims), retry=RETRY, timeout=10)
        return f"signed with key {response.key_id}", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main(audience: str) -> int:
    emails = sys.stdin.read().split()
    failures = 0
    with Client(transport="rest") as client, ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(partial(sign, client, audience), emails)
        for email, (key, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or key, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
