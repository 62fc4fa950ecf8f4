# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in batches whose loops share a client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python one_client_per_loop_broken.py
"""

import asyncio
import sys
from itertools import islice

from google.cloud import iam_credentials_v1

BATCH = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
Client = iam_credentials_v1.IAMCredentialsAsyncClient

client: Client | None = None


async def mint(client: Client, email: str) -> str:
    """The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    token = await client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


async def mint_all(emails: list[str]) -> list[str | BaseException]:
    """Runs in a loop of its own: the first one creates the client, the others find it."""
    global client
    client = client or Client()
    calls = (mint(client, email) for email in emails)
    return await asyncio.gather(*calls, return_exceptions=True)


def answer(emails: list[str]) -> int:
    """Not async: a request handler, a task of a queue or a test may be like that."""
    failures = 0
    answers = asyncio.run(mint_all(emails))  # a new loop, each time
    for email, result in zip(emails, answers, strict=True):
        if isinstance(result, str):
            print(email, result, sep="\t")
        else:
            failures += 1
            print(email, " ".join(str(result).split()), sep="\t", file=sys.stderr)
    return failures


def main() -> int:
    failures = 0
    emails = (email for line in sys.stdin for email in line.split())
    while batch := list(islice(emails, BATCH)):
        failures += answer(batch)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
