# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account of an endless input, and print each as it comes.

Usage: tail --follow=name emails.txt | python stream_results.py > results.txt
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, wait
from multiprocessing import active_children, parent_process
from threading import Semaphore, Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
UNANSWERED = 2 * WORKERS  # inputs that are submitted and not yet answered, at most
LIMIT = 180  # seconds, longer than two calls may take: each worker has two at most
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str, str, str]  # the input, the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
failed: list[str] = []


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker, and prints nothing there."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        return email, f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return email, "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def show(email: str, validity: str, error: str) -> None:
    try:
        if not error:
            print(email, validity, sep="\t", flush=True)
    except BrokenPipeError:  # nobody reads the output
        os._exit(128 + signal.SIGPIPE)
    except Exception as unshown:  # whatever leaves a callback is logged, and forgotten
        error = f"not shown: {unshown}"
    if error:
        failed.append(email)
        print(email, error, sep="\t", file=sys.stderr, flush=True)


def main() -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = (email for line in sys.stdin for email in line.split())
    free = Semaphore(UNANSWERED)
    unanswered: dict[Future[Answer], str] = {}

    def answered(future: Future[Answer]) -> None:
        """Runs in the one thread of the executor that receives answers, as soon as one is there."""
        email, error = unanswered.pop(future), future.exception()
        free.release()
        show(*((email, "", str(error)) if error else future.result()))

    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        for email in emails:
            try:
                if not free.acquire(timeout=LIMIT):  # meanwhile nothing is read: the writer waits
                    raise BrokenExecutor(f"no worker has answered for {LIMIT} s")
                future = workers.submit(mint, email)
            except BrokenExecutor as error:
                show(email, "", str(error))
                break
            unanswered[future] = email
            future.add_done_callback(answered)
        if wait(list(unanswered), LIMIT).not_done:
            for worker in active_children():
                worker.kill()  # so that the executor can end
    for email in unanswered.values():
        show(email, "", f"no answer in {LIMIT} s")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
