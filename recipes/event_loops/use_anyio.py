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
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Client = iam_credentials_v1.IAMCredentialsClient


def mint(client: Client, email: str) -> tuple[str, str]:
    """Runs in a thread, while the event loop goes on."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
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
            validity, error = await to_thread.run_sync(mint, client, email, limiter=limiter)
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)

    with Client() as client:
        async with anyio.create_task_group() as tasks:
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
