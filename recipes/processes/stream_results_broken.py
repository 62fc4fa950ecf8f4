# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "rich>=13"]
# ///
"""Mint an access token for each service account of an endless input, printed by the bar.

Usage: tail --follow=name emails.txt | python stream_results_broken.py > results.txt
"""

import os
import signal
import sys
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from threading import Semaphore, get_ident

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1
from rich.console import Console
from rich.progress import BarColumn, Progress, TimeElapsedColumn

WORKERS = 4
UNANSWERED = 2 * WORKERS  # inputs that are submitted and not yet answered, at most
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Answer = tuple[str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient
stopped = False


def start_worker() -> None:
    """Runs once in each worker, after the fork: the client is the worker's own."""
    global client
    client = iam_credentials_v1.IAMCredentialsClient()


def mint(email: str) -> Answer:
    """Runs in a worker, and prints nothing there."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
    except GoogleAPIError as error:  # errors of calls do not pickle, their text does
        return None, " ".join(str(error).split())
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", None


def stop(*_: object) -> None:
    """End the input: a read that waits for more goes on, and finds the end there."""
    global stopped
    stopped = True
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())


def main() -> int:
    signal.signal(signal.SIGINT, stop)
    reader, free = get_ident(), Semaphore(UNANSWERED)
    undone: list[str] = []
    failures = 0

    def show(email: str, future: Future[Answer]) -> None:
        """Runs in the one thread of the pool that receives answers, as soon as one is there."""
        nonlocal failures
        free.release()
        bar.advance(task)
        try:
            result, error = future.result()
            if error is None:
                bar.console.print(email, result, sep="\t")
        except (BrokenProcessPool, BrokenPipeError) as end:
            error = str(end)
            signal.pthread_kill(reader, signal.SIGINT)  # it may be waiting for input
        if error is not None:
            failures += 1
            print(email, error, sep="\t", file=sys.stderr)

    workers = ProcessPoolExecutor(WORKERS, initializer=start_worker)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # workers inherit this, and keep it
    started = [workers.submit(os.getpid) for _ in range(WORKERS)]  # now, before the bar's thread
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    wait(started)
    bar = Progress(
        "minting",
        BarColumn(),
        "{task.completed}",
        TimeElapsedColumn(),
        console=Console(),
        disable=sys.stdout.isatty() or not sys.stderr.isatty(),
    )
    task = bar.add_task("", total=None)
    with bar, workers:
        for email in (email for line in sys.stdin for email in line.split()):
            try:
                if not stopped:
                    free.acquire()  # while enough is under way we do not read, and the writer waits
                    workers.submit(mint, email).add_done_callback(partial(show, email))
                    continue
            except BrokenProcessPool:
                stop()
            undone.append(email)
    for email in undone:
        print(email, "read, but not submitted", sep="\t", file=sys.stderr)
    return 1 if failures or undone else 0


if __name__ == "__main__":
    sys.exit(main())
