# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Count the permissions of each role, with a limit to each attempt and to each call.

Usage: gcloud iam roles list --format='value(name)' | python set_deadlines_and_retries.py
"""

import signal
import sys
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.cloud import iam_admin_v1

THREADS = 8
ATTEMPT = 3  # seconds after which one attempt is given up
TOTAL = 30  # seconds after which no other attempt is begun

RETRY = Retry(
    if_exception_type(DeadlineExceeded, ServiceUnavailable), initial=0.1, maximum=2, timeout=TOTAL
)


def describe(client: iam_admin_v1.IAMClient, name: str) -> str:
    """Runs in many threads at once."""
    role = client.get_role({"name": name}, timeout=ATTEMPT, retry=RETRY)
    return f"{len(role.included_permissions)} permissions"


def main() -> int:
    names = dict.fromkeys(sys.stdin.read().split())
    client = iam_admin_v1.IAMClient()
    # a handler may put into this queue whatever the main thread is doing at that moment
    events: SimpleQueue[Future[str] | int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: events.put(number))
    code = 0
    with ThreadPoolExecutor(THREADS) as threads:
        futures = {threads.submit(describe, client, name): name for name in names}
        for future in futures:
            future.add_done_callback(events.put)
        while futures:
            try:
                event = events.get(timeout=1)
            except Empty:  # a signal that came just before this wait did not end it
                continue
            if isinstance(event, int):
                code = 128 + event
                threads.shutdown(wait=False, cancel_futures=True)  # none begins
                client.transport.close()  # those under way end, and none is tried again
                continue
            name = futures.pop(event)
            try:
                print(name, event.result(), sep="\t")
            except (GoogleAPIError, CancelledError, ValueError) as error:
                code = code or 1
                print(name, " ".join(str(error).split()) or "not begun", sep="\t", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
