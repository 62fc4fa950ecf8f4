# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign lines as a service account, more of them at once than one connection carries.

Usage: python use_more_connections_broken.py SERVICE_ACCOUNT < orders.txt
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 256
CLIENTS = 1  # so all threads share one connection

Client = iam_credentials_v1.IAMCredentialsClient
thread = threading.local()


def start_thread(shares: "SimpleQueue[Client]") -> None:
    """Runs once in each thread, and takes the client that the thread uses from then on."""
    thread.client = shares.get_nowait()


def sign(account: str, line: str) -> tuple[str, str]:
    """Runs in many threads at once, as many for each client."""
    name = f"projects/-/serviceAccounts/{account}"
    try:
        # not tried again: a call that waited in vain is not sent to the end of the queue
        signed = thread.client.sign_blob(name=name, payload=line.encode(), timeout=8, retry=None)
        return f"{len(signed.signed_blob)} bytes by key {signed.key_id[:8]}", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main(account: str) -> int:
    lines = sys.stdin.read().splitlines()
    shares: SimpleQueue[Client] = SimpleQueue()
    failures = 0
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(Client()) for _ in range(CLIENTS)]
        for number in range(THREADS):  # in turn: no client gets more threads than another
            shares.put(clients[number % CLIENTS])
        with ThreadPoolExecutor(THREADS, initializer=start_thread, initargs=(shares,)) as threads:
            answers = threads.map(partial(sign, account), lines)
            for line, (signature, error) in zip(lines, answers, strict=True):
                failures += bool(error)
                print(line, error or signature, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
