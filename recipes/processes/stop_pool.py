# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of the input, until SIGTERM, Ctrl-C or a time limit stops the pool.

Usage: python stop_pool.py SERVICE_ACCOUNT SECONDS < lines
"""

import math
import os
import signal
import sys
import time
from base64 import b64encode
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
GRACE = 25  # seconds in which calls under way may end; who stops containers often waits for 30
LOOK = 1  # seconds; a signal that comes just before a wait does not end it
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
received: list[int] = []


def start_worker() -> None:
    """Runs once in each worker, after the fork."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def sign(account: str, line: str) -> Answer:
    """Runs in a worker."""
    name = f"projects/-/serviceAccounts/{account}"
    try:
        response = client.sign_blob(name=name, payload=line.encode(), timeout=10)  # at most 70 s
        return f"{response.key_id} {b64encode(response.signed_blob).decode()}", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def kill_workers() -> None:
    for worker in active_children():
        worker.kill()


def stop(number: int, _: object) -> None:
    """Take a note, and nothing else: whatever the signal interrupts goes on as it was."""
    received.append(number)


def answer(future: Future[Answer]) -> Answer:
    """Return what a task came to whose executor is broken."""
    try:
        return future.result(timeout=LOOK)
    except Exception as error:
        return "", str(error) or "its worker died"


def show(line: str, signature: str, error: str) -> bool:
    """Print what became of a line; tell whether it failed."""
    print(line, error or signature, sep="\t", file=sys.stderr if error else sys.stdout, flush=True)
    return bool(error)


def main(account: str, seconds: float) -> int:
    google.auth.default()  # raises here, once, and not in each worker
    todo = deque(dict.fromkeys(sys.stdin.read().splitlines()))
    at_work: dict[Future[Answer], str] = {}
    failures, end = 0, math.inf
    for number in STOPS:
        signal.signal(number, stop)
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # the workers inherit this, and keep it
            wait([workers.submit(os.getpid) for _ in range(WORKERS)], GRACE)  # now all have started
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            while at_work or (todo and not received):
                while todo and not received and len(at_work) < WORKERS:
                    future = workers.submit(sign, account, todo[0])
                    at_work[future] = todo.popleft()
                for future in wait(at_work, LOOK, FIRST_COMPLETED).done:
                    failures += show(at_work[future], *future.result())
                    del at_work[future]
                end = min(end, time.monotonic() + GRACE) if received else math.inf
                if time.monotonic() > end:
                    raise BrokenExecutor  # the grace is over
        except BrokenExecutor:
            kill_workers()  # those that are left do not hear the executor's SIGTERM
            failures += sum(show(line, *answer(future)) for future, line in at_work.items())
    reason = signal.Signals(received[0]).name if received else "a worker died"
    for line in todo:
        print(line, f"not done: {reason}", sep="\t")
    if received and received[0] != signal.SIGALRM:
        return 128 + received[0]
    return 1 if failures or (todo and not received) else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        sys.exit(__doc__)
    try:
        sys.exit(main(sys.argv[1], float(sys.argv[2])))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
