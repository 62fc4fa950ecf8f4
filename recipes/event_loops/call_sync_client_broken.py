# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint tokens for service accounts by a function that holds up the loop.

Usage: gcloud iam service-accounts list --format='value(email)' | python call_sync_client_broken.py
"""

import asyncio
import faulthandler
import sys
import time

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

THREADS = 4
ACCOUNTS = 5  # that one call of the function answers
PAUSE = 0.25  # seconds between two calls of a thread, to stay below a quota
SILENCE = 3  # seconds without a beat of the loop, after which the program is given up
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str | None, str | None]
Client = iam_credentials_v1.IAMCredentialsClient


def mint(client: Client, emails: list[str]) -> list[Answer]:
    """Runs in the thread of the loop, which goes on when this has ended."""
    answers: list[Answer] = []
    for email in emails:
        name = f"projects/-/serviceAccounts/{email}"
        try:
            # with what the client tries again: at most 70 s
            token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
        except GoogleAPIError as error:
            answers.append((email, None, " ".join(str(error).split())))
        else:
            answers.append((email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None))
        time.sleep(PAUSE)
    return answers


async def beat() -> None:
    """Postpone the end: a loop that does not come back here is shown where it stands still."""
    while True:
        faulthandler.dump_traceback_later(SILENCE, exit=True)
        await asyncio.sleep(SILENCE / 10)


async def main() -> int:
    beating = asyncio.create_task(beat())
    free = asyncio.Semaphore(THREADS)
    emails = (await asyncio.to_thread(sys.stdin.read)).split()

    async def answer(client: Client, emails: list[str]) -> list[Answer]:
        async with free:
            return mint(client, emails)

    failures = 0
    with Client() as client:  # one for all threads
        parts = (emails[i : i + ACCOUNTS] for i in range(0, len(emails), ACCOUNTS))
        for answers in await asyncio.gather(*(answer(client, part) for part in parts)):
            for email, validity, error in answers:
                failures += error is not None
                print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    beating.cancel()
    faulthandler.cancel_dump_traceback_later()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
