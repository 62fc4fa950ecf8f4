# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "anyio[trio]>=4.1"]
# ///
"""Mint an access token for each service account, by an asynchronous client under AnyIO.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python use_anyio_broken.py asyncio|trio
"""

import sys

import anyio
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Client = iam_credentials_v1.IAMCredentialsAsyncClient


async def mint(client: Client, email: str) -> tuple[str, str]:
    name = f"projects/-/serviceAccounts/{email}"
    try:
        # with what the client tries again: at most 70 s
        token = await client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


async def main() -> int:
    emails = iter(sys.stdin.read().split())
    limiter = anyio.CapacityLimiter(THREADS)
    failures = 0

    async def mint_all() -> None:
        """One of a few tasks that share the accounts: each takes the next when it is free."""
        nonlocal failures
        for email in emails:
            async with limiter:
                validity, error = await mint(client, email)
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)

    async with Client() as client, anyio.create_task_group() as tasks:
        for _ in range(THREADS):
            tasks.start_soon(mint_all)
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["asyncio"], ["trio"]):
        sys.exit(__doc__)
    try:
        sys.exit(anyio.run(main, backend=sys.argv[1]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
