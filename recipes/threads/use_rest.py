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
from concurrent.futures import ThreadPoolExecutor, as_completed

from google.api_core.exceptions import GoogleAPIError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import iam_credentials_v1
from requests.adapters import DEFAULT_POOLSIZE
from requests.exceptions import RequestException

THREADS = DEFAULT_POOLSIZE  # each call has a connection to itself, and so many are kept
RETRY = Retry(timeout=30)  # after broken connections too, as the client's own retry does not


def sign(client: iam_credentials_v1.IAMCredentialsClient, email: str, audience: str) -> str:
    """Runs in many threads at once, each with the same client."""
    now = int(time.time())
    claims = {"iss": email, "sub": email, "aud": audience, "iat": now, "exp": now + 600}
    name = f"projects/-/serviceAccounts/{email}"
    response = client.sign_jwt(name=name, payload=json.dumps(claims), retry=RETRY, timeout=10)
    return f"signed with key {response.key_id}"


def main(audience: str) -> int:
    client = iam_credentials_v1.IAMCredentialsClient(transport="rest")
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        emails = dict.fromkeys(sys.stdin.read().split())
        futures = {threads.submit(sign, client, email, audience): email for email in emails}
        for future in as_completed(futures):
            try:
                print(futures[future], future.result(), sep="\t")
            except (GoogleAPIError, GoogleAuthError, RequestException) as error:
                failures += 1
                print(futures[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
