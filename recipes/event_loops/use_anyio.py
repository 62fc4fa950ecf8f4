# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "anyio[trio]>=4.1"]
# ///
"""Mint an access token for each service account, in a program of AnyIO, on asyncio or on Trio.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python use_anyio.py asyncio|trio
"""

import sys

import anyio
from anyio import to_thread
from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def mint(client: iam_credentials_v1.IAMCredentialsClient, email: str) -> str:
    """Runs in a thread, while the event loop goes on."""
    name = f"projects/-/serviceAccounts/{email}"
    token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


async def mint_all(emails: list[str]) -> int:
    client = iam_credentials_v1.IAMCredentialsClient()
    limiter = anyio.CapacityLimiter(THREADS)
    failures = 0

    async def show(email: str) -> None:
        """Runs in the event loop, a task for each account."""
        nonlocal failures
        try:
            result = await to_thread.run_sync(mint, client, email, limiter=limiter)
            print(email, result, sep="\t")
        except GoogleAPIError as error:
            failures += 1
            print(email, " ".join(str(error).split()), sep="\t", file=sys.stderr)

    async with anyio.create_task_group() as tasks:
        for email in emails:
            tasks.start_soon(show, email)
    return 1 if failures else 0


def main(backend: str) -> int:
    return anyio.run(mint_all, sys.stdin.read().split(), backend=backend)


if __name__ == "__main__":
    if sys.argv[1:] not in (["asyncio"], ["trio"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
