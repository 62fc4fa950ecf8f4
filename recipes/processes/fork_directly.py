# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in children that `os.fork` makes.

Usage: gcloud iam service-accounts list --format='value(email)' | python fork_directly.py
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from selectors import EVENT_READ, DefaultSelector
from threading import Thread
from typing import NoReturn

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

CHILDREN = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def mint(email: str) -> tuple[str, str]:
    """Runs in a child. The token is used where it was minted; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def run_child(parent: int, emails: list[str], sink: int) -> NoReturn:
    """Runs in a child: create its client, answer a line for each account, and end here."""
    global client
    try:
        Thread(target=end_with, args=(parent,), daemon=True).start()
        client = iam_credentials_v1.IAMCredentialsClient()
        for email in emails:
            os.write(sink, json.dumps([email, *mint(email)]).encode() + b"\n")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)  # whatever happens: it never returns into what the parent was doing


def end_with(parent: int) -> None:
    """Leave no child behind, however the program ends."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def receive(sources: list[int]) -> Iterator[bytes]:
    """Yield each line, until every child has ended or nothing has come for too long."""
    parts = dict.fromkeys(sources, b"")
    with DefaultSelector() as selector:
        for source in sources:
            selector.register(source, EVENT_READ)
        while parts and (ready := selector.select(LIMIT)):
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                *lines, parts[key.fd] = (parts[key.fd] + data).split(b"\n")
                yield from lines
                if not data:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    del parts[key.fd]


def main() -> int:
    google.auth.default()  # raises here, once, and not in each child
    failed = dict.fromkeys(sys.stdin.read().split(), "its child died, or hangs")
    parent, children, sources = os.getpid(), [], []
    try:
        for shard in (list(failed)[i::CHILDREN] for i in range(CHILDREN)):
            source, sink = os.pipe()
            sources.append(source)
            children.append(os.fork())
            if children[-1] == 0:
                run_child(parent, shard, sink)
            os.close(sink)  # now the child has the only writing end: its end is that of the pipe
        for line in receive(sources):
            email, validity, error = json.loads(line)
            if error:
                failed[email] = error
            else:
                del failed[email]
                print(email, validity, sep="\t")
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)  # it has ended, or hangs; the id is its own until then
            os.waitpid(child, 0)
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
