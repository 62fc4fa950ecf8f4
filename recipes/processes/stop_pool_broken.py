# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign each line of the input, until SIGTERM, Ctrl-C or a time limit breaks into the pool.

Usage: python stop_pool_broken.py SERVICE_ACCOUNT SECONDS < lines
"""

import os
import signal
import sys
from base64 import b64encode
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, parent_process
from threading import Thread

import google.auth
from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

WORKERS = 4
GRACE = 25  # seconds in which calls under way may end; who stops containers often waits for 30
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)

Answer = tuple[str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient
received: list[int] = []


def start_worker() -> None:
    """Runs once in each worker, after the fork."""
    global client
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()


def end_with_parent() -> None:
    """Leave no worker behind, even where the parent is killed."""
    if parent := parent_process():
        parent.join()
    os._exit(1)


def sign(account: str, line: str) -> Answer:
    """Runs in a worker."""
    name = f"projects/-/serviceAccounts/{account}"
    try:
        response = client.sign_blob(name=name, payload=line.encode(), timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return None, " ".join(str(error).split())
    return f"{response.key_id} {b64encode(response.signed_blob).decode()}", None


def stop(number: int, _: object) -> None:
    """Leave at once."""
    sys.exit(128 + number)


def kill_workers() -> None:
    for worker in active_children():
        worker.kill()


def answer(future: Future[Answer]) -> Answer:
    try:
        return future.result()
    except BrokenProcessPool as error:
        return None, str(error)


def show(line: str, result: str | None, error: str | None) -> bool:
    """Print what became of a line; tell whether it failed."""
    print(line, result or error, sep="\t", file=sys.stderr if error else sys.stdout, flush=True)
    return error is not None


def main(account: str, seconds: str) -> int:
    google.auth.default()  # fails here, once, and not in each worker
    todo = deque(dict.fromkeys(sys.stdin.read().splitlines()))
    at_work: dict[Future[Answer], str] = {}
    failures = 0
    for number in STOPS:
        signal.signal(number, stop)
    with ProcessPoolExecutor(WORKERS, initializer=start_worker) as workers:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # the workers inherit this, and keep it
            wait([workers.submit(os.getpid) for _ in range(WORKERS)])  # now all have started
            signal.setitimer(signal.ITIMER_REAL, float(seconds))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            while at_work or (todo and not received):
                while todo and not received and len(at_work) < WORKERS:
                    future = workers.submit(sign, account, todo[0])
                    at_work[future] = todo.popleft()
                for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                    failures += show(at_work[future], *future.result())
                    del at_work[future]
        except BrokenProcessPool:
            kill_workers()  # those that are left do not hear the executor's SIGTERM
            failures += sum(show(line, *answer(future)) for future, line in at_work.items())
    reason = signal.Signals(received[0]).name if received else "a worker died"
    for line in todo:
        print(line, f"not done: {reason}", sep="\t")
    if received and received[0] != signal.SIGALRM:
        return 128 + received[0]
    return 1 if failures or (todo and not received) else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
