# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign with each service account, in workers that are forked while threads mint tokens.

Needs fork_gate.py beside it, which is on the same page.
Usage: gcloud iam service-accounts list --format='value(email)' |
           python fork_while_calling.py
"""

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from itertools import cycle
from threading import Event, Thread

import fork_gate
import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

THREADS = 8
WORKERS = 4
LIMIT = 90  # seconds, longer than a call may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def keep_minting(emails: list[str], done: Event, failed: dict[str, str]) -> None:
    """Runs in threads of the parent, before, while and after workers are forked."""
    for email in cycle(emails):
        if done.is_set():
            return
        name = f"projects/-/serviceAccounts/{email}"
        try:
            client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        except Exception as error:
            failed[email] = " ".join(str(error).split()) or type(error).__name__


def sign(email: str) -> tuple[str, str, str]:
    """Runs in a worker, with the client of the parent."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        signed = client.sign_blob(name=name, payload=email.encode(), timeout=10)  # at most 70 s
        return email, f"signed with key {signed.key_id}", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return email, "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def start_worker() -> None:
    Thread(target=end_with_parent, daemon=True).start()


def main() -> int:
    global client
    fork_gate.install()
    google.auth.default()  # raises here, once
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    emails = sys.stdin.read().split()
    client = iam_credentials_v1.IAMCredentialsClient()
    unsigned = dict.fromkeys(emails, f"no answer in {LIMIT} s")
    done, failed = Event(), dict[str, str]()
    work = (emails, done, failed)
    for _ in range(THREADS):
        Thread(target=keep_minting, args=work, daemon=True).start()
    with multiprocessing.get_context("fork").Pool(WORKERS, start_worker) as workers:
        answers = workers.imap_unordered(sign, emails)
        with suppress(multiprocessing.TimeoutError):
            for _ in emails:
                email, signature, error = answers.next(timeout=LIMIT)
                if error:
                    unsigned[email] = error
                else:
                    del unsigned[email]
                    print(email, signature, sep="\t")
    done.set()
    for email, error in {**failed, **unsigned}.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed or unsigned else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
