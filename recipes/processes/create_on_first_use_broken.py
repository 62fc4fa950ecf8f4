# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Say who may act as each service account, in an executor whose workers inherit a cached client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_on_first_use_broken.py
"""

import os
import signal
import sys
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import zip_longest
from multiprocessing import active_children, parent_process
from threading import Barrier, Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_admin_v1

WORKERS = 4
THREADS = 8
LIMIT = 90  # seconds, longer than a call may take

Answer = tuple[str, str]  # the result, and the error: one of them is empty


@cache
def client() -> iam_admin_v1.IAMClient:
    """Return the client of this process, which the first thread to ask for it creates."""
    Thread(target=end_with_parent, daemon=True).start()
    return iam_admin_v1.IAMClient()


def who_may_act_as(email: str) -> Answer:
    """Runs wherever the executor runs it: in a process or a thread, of any number."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        policy = client().get_iam_policy(resource=name, timeout=10)  # at most 10 s
        granted = [f"{binding.role}: {', '.join(binding.members)}" for binding in policy.bindings]
        return "; ".join(granted) or "nobody by its own policy", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def answer(future: Future[Answer] | None) -> Answer:
    """Return what a task came to, in bounded time: its worker may have died, or hang."""
    if future is None:
        return "", "no worker was left to take this"
    try:
        return future.result(timeout=LIMIT)
    except Exception as error:
        if not future.done():
            for worker in active_children():
                worker.kill()  # so that what waits for one of them ends as well
        return "", str(error) or f"no answer in {LIMIT} s"


def submit_all(executor: Executor, emails: list[str]) -> list[Future[Answer]]:
    """Submit to an executor that is the caller's, and so is what it runs on."""
    futures: list[Future[Answer]] = []
    with suppress(BrokenExecutor):  # by `submit`, once a process has died
        futures.extend(executor.submit(who_may_act_as, email) for email in emails)
    return futures


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    who_may_act_as(email)
    warm.wait()
    while True:
        who_may_act_as(email)


def main() -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    failures = 0
    client()  # from now on it is this one, for threads and for processes
    warm = Barrier(THREADS + 1)
    for email in (emails * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    with ProcessPoolExecutor(WORKERS) as executor:  # stands for one that a framework hands you
        for email, future in zip_longest(emails, submit_all(executor, emails)):
            granted, error = answer(future)
            failures += bool(error)
            print(email, error or granted, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
