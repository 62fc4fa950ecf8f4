# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of standard input as a service account, a bounded number of lines at a time.

Usage: python bound_concurrency.py SERVICE_ACCOUNT_EMAIL < orders.txt > signatures.txt
"""

import asyncio
import base64
import signal
import sys

from google.api_core.exceptions import ServiceUnavailable
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

CALLS = 16
BYTES = 1 << 16  # of input that is read ahead

# by default a call that ran out of time is made again, for up to a minute
RETRY = AsyncRetry(if_exception_type(ServiceUnavailable), initial=0.1, maximum=2, timeout=30)

Client = iam_credentials_v1.IAMCredentialsAsyncClient


async def sign(client: Client, account: str, line: str) -> tuple[str, str]:
    name = f"projects/-/serviceAccounts/{account}"
    try:
        signed = await client.sign_blob(name=name, payload=line.encode(), timeout=10, retry=RETRY)
        return base64.b64encode(signed.signed_blob).decode(), ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


async def report(client: Client, account: str, line: str) -> bool:
    """A task of its own: print what became of one line, and return whether it failed."""
    signature, error = await sign(client, account, line)
    print(line, error or signature, sep="\t", file=sys.stderr if error else sys.stdout)
    return bool(error)


async def main(account: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, also amid a read
    failures = 0
    running: set[asyncio.Task[bool]] = set()
    async with Client() as client:
        while lines := await asyncio.to_thread(sys.stdin.readlines, BYTES):
            for line in lines:
                if len(running) == CALLS:  # no task is made before there is room for it
                    done, running = await asyncio.wait(running, return_when="FIRST_COMPLETED")
                    failures += sum(task.result() for task in done)
                running.add(asyncio.create_task(report(client, account, line.rstrip("\n"))))
        failures += sum(await asyncio.gather(*running))
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
