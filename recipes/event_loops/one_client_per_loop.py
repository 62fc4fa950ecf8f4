# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in batches that a program without a loop asks for.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python one_client_per_loop.py
"""

import asyncio
import sys

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

BATCH = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str]  # the result, and the error: one of them is empty
Client = iam_credentials_v1.IAMCredentialsAsyncClient


async def mint(client: Client, email: str) -> Answer:
    """The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        token = await client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


async def mint_all(emails: list[str]) -> list[Answer]:
    """Runs in a loop of its own: what is created here ends here, while that loop still runs."""
    async with Client() as client:
        return await asyncio.gather(*(mint(client, email) for email in emails))


def main() -> int:
    """Not async: a request handler, a task of a queue or a test may be like that."""
    emails = sys.stdin.read().split()
    failures = 0
    for start in range(0, len(emails), BATCH):
        batch = emails[start : start + BATCH]
        answers = asyncio.run(mint_all(batch))  # a new loop, each time
        for email, (validity, error) in zip(batch, answers, strict=True):
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
