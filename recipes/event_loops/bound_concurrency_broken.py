# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of standard input as a service account, all lines at once.

Usage: python bound_concurrency_broken.py SERVICE_ACCOUNT_EMAIL < orders.txt > signatures.txt
"""

import asyncio
import base64
import sys

from google.api_core.exceptions import GoogleAPIError, ServiceUnavailable
from google.api_core.retry import AsyncRetry, if_exception_type
from google.cloud import iam_credentials_v1

BYTES = 1 << 16  # of input that is read ahead

# by default a call that ran out of time is made again, for up to a minute
RETRY = AsyncRetry(if_exception_type(ServiceUnavailable), initial=0.1, maximum=2, timeout=30)

Client = iam_credentials_v1.IAMCredentialsAsyncClient


async def answer(client: Client, account: str, line: str) -> bool:
    """Print the result of one line, or its error; tell whether it has a result."""
    try:
        response = await client.sign_blob(
            name=f"projects/-/serviceAccounts/{account}",
            payload=line.encode(),
            timeout=10,
            retry=RETRY,
        )
    except GoogleAPIError as error:
        print(line, " ".join(str(error).split()), sep="\t", file=sys.stderr)
        return False
    print(line, base64.b64encode(response.signed_blob).decode(), sep="\t")
    return True


async def main(account: str) -> int:
    failures = 0
    running: set[asyncio.Task[bool]] = set()
    async with Client() as client:
        while lines := await asyncio.to_thread(sys.stdin.readlines, BYTES):
            for line in lines:
                running.add(asyncio.create_task(answer(client, account, line.rstrip("\n"))))
        failures += sum(not done for done in await asyncio.gather(*running))
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1])))
