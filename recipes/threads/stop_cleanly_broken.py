# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of the input, until SIGTERM, Ctrl-C or a time limit ends the program.

Usage: python stop_cleanly_broken.py SERVICE_ACCOUNT SECONDS < lines
"""

import signal
import sys
import time
from base64 import b64encode
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 8
GRACE = 8  # seconds in which calls under way may end; `docker stop` waits for 10
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)

ERRORS = if_exception_type(DeadlineExceeded, ServiceUnavailable)
RETRY = Retry(ERRORS, initial=0.1, maximum=1, timeout=30)

Client = iam_credentials_v1.IAMCredentialsClient
Answer = Future[tuple[str, str]]

# what the main thread waits for: a call that has ended, or the number of a signal
events: SimpleQueue[Answer | int] = SimpleQueue()


def sign(client: Client, account: str, line: str) -> tuple[str, str]:
    """Runs in many threads at once, none of which hears a signal."""
    name = f"projects/-/serviceAccounts/{account}"
    try:
        response = client.sign_blob(name=name, payload=line.encode(), timeout=10, retry=RETRY)
        return f"{response.key_id} {b64encode(response.signed_blob).decode()}", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def note(number: int, _: object) -> None:
    """Runs in the main thread amid whatever it does: takes a note, and raises nothing."""
    events.put(number)


def main(account: str, seconds: str) -> int:
    if not 0 < float(seconds) <= 1e9:
        raise ValueError(f"no number of seconds: {seconds}")
    todo = deque(dict.fromkeys(sys.stdin.read().splitlines()))
    under_way: dict[Answer, str] = {}
    received = failures = 0
    over = 0.0  # when the grace is
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    with Client() as client, ThreadPoolExecutor(THREADS) as threads:
        while under_way or (todo and not received):
            while todo and not received and len(under_way) < THREADS:
                call = threads.submit(sign, client, account, todo[0])
                under_way[call] = todo.popleft()
                call.add_done_callback(events.put)
            try:
                event = events.get(timeout=1)
            except Empty:  # a signal that came just before this wait did not end it
                continue
            if not isinstance(event, int):
                line, (signature, error) = under_way.pop(event), event.result()
                failures += bool(error)
                file = sys.stderr if error else sys.stdout
                print(line, error or signature, sep="\t", file=file, flush=True)
            elif not received:
                received = event
                over = time.monotonic() + GRACE
                signal.alarm(GRACE)
            elif time.monotonic() >= over:  # not so where the time limit came just after a signal
                client.transport.close()  # calls under way end, and none is tried again
    for line in todo:
        print(line, f"not done: {signal.Signals(received).name}", sep="\t")
    if received and received != signal.SIGALRM:
        return 128 + received
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DefaultCredentialsError, ValueError) as error:  # the latter: no number
        sys.exit(str(error))
