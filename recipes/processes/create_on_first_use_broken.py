# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Say who may act as each service account, in an executor whose workers inherit a cached client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_on_first_use_broken.py
"""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from threading import Barrier, Thread

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import iam_admin_v1

WORKERS = 4
THREADS = 8

Answer = tuple[str, str | None, str | None]


@cache
def client() -> iam_admin_v1.IAMClient:
    """Return the client of this process, which the first thread to ask for it creates."""
    return iam_admin_v1.IAMClient()


def who_may_act_as(email: str) -> Answer:
    """Runs wherever the executor runs it: in a process or a thread, of any number."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        policy = client().get_iam_policy(resource=name, timeout=10)  # at most 10 s
    except (GoogleAPIError, GoogleAuthError) as error:  # few errors pickle, their text does
        return email, None, " ".join(str(error).split())
    granted = [f"{binding.role}: {', '.join(binding.members)}" for binding in policy.bindings]
    return email, "; ".join(granted) or "nobody by its own policy", None


def submit_all(executor: Executor, emails: Iterable[str]) -> list[Future[Answer]]:
    """Submit to an executor that is the caller's, and so is what it runs on."""
    futures: list[Future[Answer]] = []
    with suppress(BrokenExecutor):  # by `submit`, once a process has died
        futures.extend(executor.submit(who_may_act_as, email) for email in emails)
    return futures


def answered(futures: Iterable[Future[Answer]]) -> Iterator[Answer]:
    """Yield what an executor answered that has ended; what died with a process is left out."""
    for future in futures:
        with suppress(BrokenExecutor):
            if future.done():  # a task submitted while the executor breaks may never be
                yield future.result()


def keep_busy(email: str, warm: Barrier) -> None:
    """Runs in a thread of the parent, like any other use that a program makes of its client."""
    who_may_act_as(email)
    warm.wait()
    while True:
        who_may_act_as(email)


def main() -> int:
    failed = dict.fromkeys(sys.stdin.read().split(), "a process died before this was answered")
    client()  # from now on it is this one, for threads and for processes
    warm = Barrier(THREADS + 1)
    for email in (list(failed) * THREADS)[:THREADS]:
        Thread(target=keep_busy, args=(email, warm), daemon=True).start()
    warm.wait()  # every thread has an answer, and calls on
    with ProcessPoolExecutor(WORKERS) as executor:  # stands for one that a framework hands you
        futures = submit_all(executor, failed)
    for email, granted, error in answered(futures):
        if error is None:
            print(email, granted, sep="\t")
            del failed[email]
        else:
            failed[email] = error
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
