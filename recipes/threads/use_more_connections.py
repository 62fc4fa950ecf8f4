# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign lines as a service account, more of them at once than one connection carries.

Usage: python use_more_connections.py SERVICE_ACCOUNT < orders.txt
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

THREADS = 256
CLIENTS = 4  # each has its own connection, and a server bounds the calls at a time on one

thread = threading.local()


def start_thread(shares: "SimpleQueue[iam_credentials_v1.IAMCredentialsClient]") -> None:
    """Runs once in each thread, and takes the client that the thread uses from then on."""
    thread.client = shares.get()


def sign(email: str, line: str) -> str:
    response = thread.client.sign_blob(
        name=f"projects/-/serviceAccounts/{email}",
        payload=line.encode(),
        timeout=8,
        retry=None,  # a call that waited in vain for its turn is not sent to the end of the queue
    )
    return f"{len(response.signed_blob)} bytes by key {response.key_id[:8]}"


def main(email: str) -> int:
    lines = sys.stdin.read().splitlines()
    clients = [iam_credentials_v1.IAMCredentialsClient() for _ in range(CLIENTS)]
    shares: SimpleQueue[iam_credentials_v1.IAMCredentialsClient] = SimpleQueue()
    for number in range(THREADS):  # in turn: no client gets more threads than another
        shares.put(clients[number % CLIENTS])
    failures = 0
    with ThreadPoolExecutor(THREADS, initializer=start_thread, initargs=(shares,)) as threads:
        futures = {threads.submit(sign, email, line): line for line in lines}
        for future in as_completed(futures):
            try:
                print(futures[future], future.result(), sep="\t")
            except GoogleAPIError as error:
                failures += 1
                print(futures[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
