# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in children that inherit a busy client.

Usage: gcloud iam service-accounts list --format='value(email)' | python fork_directly_broken.py
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from select import select
from threading import Barrier, Thread
from typing import NoReturn

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

CHILDREN = 4
THREADS = 8
SILENCE = 20  # seconds without an answer, after which the children that are left are given up
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def mint(email: str) -> tuple[str, str | None, str | None]:
    """Runs in a child. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:
        return email, None, " ".join(str(error).split())
    return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def run_child(emails: list[str], sink: int) -> NoReturn:
    """Runs in a child: answer a line for each account, with the inherited client, and end here."""
    try:
        for email in emails:
            os.write(sink, json.dumps(mint(email)).encode() + b"\n")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)  # whatever happens: it never returns into what the parent was doing


def start_child(emails: list[str]) -> tuple[int, int]:
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        run_child(emails, sink)
    os.close(sink)  # now the child holds the only writing end, and its end is the end of the pipe
    return source, pid


def receive(children: dict[int, int]) -> Iterator[bytes]:
    """Yield each line, until every child has ended or nothing has come for too long."""
    parts = dict.fromkeys(children, b"")
    while parts and (ready := select(list(parts), [], [], SILENCE)[0]):
        for source in ready:
            data = os.read(source, 1 << 16)
            *lines, parts[source] = (parts[source] + data).split(b"\n")
            yield from lines
            if not data:
                del parts[source]


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    mint(email)
    warm.wait()
    while True:
        mint(email)


def main() -> int:
    global client
    client = iam_credentials_v1.IAMCredentialsClient()
    missing = dict.fromkeys(sys.stdin.read().split(), "its child gave no answer")
    warm = Barrier(THREADS + 1)
    for email in (list(missing) * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    children = dict(start_child(list(missing)[i::CHILDREN]) for i in range(CHILDREN))
    try:
        for line in receive(children):
            email, validity, error = json.loads(line)
            if error is None:
                print(email, validity, sep="\t")
                del missing[email]
            else:
                missing[email] = error
    finally:
        for pid in children.values():
            os.kill(pid, signal.SIGKILL)  # it has ended, or hangs; its id is its own until waitpid
            os.waitpid(pid, 0)
    for email, error in missing.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
