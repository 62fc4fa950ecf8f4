# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of the input, until SIGTERM, Ctrl-C or a time limit stops the threads.

Usage: python stop_cleanly.py SERVICE_ACCOUNT SECONDS < lines
"""

import signal
import sys
from base64 import b64encode
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.cloud import iam_credentials_v1

THREADS = 8
GRACE = 8  # seconds in which calls under way may end; `docker stop` waits for 10
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)

RETRY = Retry(
    if_exception_type(DeadlineExceeded, ServiceUnavailable), initial=0.1, maximum=1, timeout=30
)

# what the main thread waits for: a call that has ended, or the number of a signal
events: SimpleQueue[Future[str] | int] = SimpleQueue()


def note(number: int, _: object) -> None:
    """Runs in the main thread amid whatever it does: takes a note, and raises nothing."""
    events.put(number)


def sign(client: iam_credentials_v1.IAMCredentialsClient, account: str, line: str) -> str:
    """Runs in many threads at once, none of which hears a signal."""
    name = f"projects/-/serviceAccounts/{account}"
    response = client.sign_blob(name=name, payload=line.encode(), timeout=10, retry=RETRY)
    return f"{response.key_id} {b64encode(response.signed_blob).decode()}"


def main(account: str, seconds: str) -> int:
    todo = deque(dict.fromkeys(sys.stdin.read().splitlines()))
    client = iam_credentials_v1.IAMCredentialsClient()
    at_work: dict[Future[str], str] = {}
    received = failures = 0
    for number in STOPS:
        signal.signal(number, note)
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    with ThreadPoolExecutor(THREADS) as threads:
        while at_work or (todo and not received):
            while todo and not received and len(at_work) < THREADS:
                future = threads.submit(sign, client, account, todo[0])
                at_work[future] = todo.popleft()
                future.add_done_callback(events.put)
            try:
                event = events.get(timeout=1)
            except Empty:  # a signal that came just before this wait did not end it
                continue
            if not isinstance(event, int):
                line = at_work.pop(event)
                try:
                    print(line, event.result(), sep="\t", flush=True)
                except (GoogleAPIError, ValueError) as error:
                    failures += 1
                    print(line, " ".join(str(error).split()), sep="\t", file=sys.stderr)
            elif not received:
                received = event
                signal.alarm(GRACE)
            elif event == signal.SIGALRM:  # the grace is over
                client.transport.close()  # calls under way end, and none is tried again
    for line in todo:
        print(line, f"not done: {signal.Signals(received).name}", sep="\t")
    if received and received != signal.SIGALRM:
        return 128 + received
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
