"""Fork many times while eight threads call, and print as JSON what became of the children.

Usage: python -m tests.benchmarks.programs.busy_forks gate|none WORK reused|fresh FORKS PATIENCE
WORK is `calls`, of all threads, or `clients`: every other thread makes one, calls, and closes it.
No call is repeated. The program needs google-cloud-iam alone, so any release of grpcio runs it.
"""

import faulthandler
import json
import os
import select
import signal
import sys
import threading
import time
from collections import Counter

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate

THREADS = 8
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]


class Parent:
    """Calls from threads until it is told to stop, on one client, or on many, too."""

    def __init__(self, name: str, work: str) -> None:
        self.name, self.work, self.stop = name, work, threading.Event()
        self.client = iam_credentials_v1.IAMCredentialsClient()
        self.calls = [0] * THREADS
        self.errors: list[str] = []
        self.warm = threading.Barrier(THREADS + 1)
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()
        self.warm.wait()

    def run(self, number: int) -> None:
        self.call(self.client)
        self.warm.wait()
        while not self.stop.is_set():
            try:
                if self.work == "clients" and number % 2:
                    with iam_credentials_v1.IAMCredentialsClient() as client:
                        self.call(client)
                else:
                    self.call(self.client)
            except Exception as error:
                self.errors.append(repr(error))
            self.calls[number] += 1

    def call(self, client: iam_credentials_v1.IAMCredentialsClient) -> None:
        client.generate_access_token(name=self.name, scope=SCOPE, timeout=15, retry=None)

    def child(self, kind: str) -> None:
        """Runs in a child: one call, on the client that was inherited or on one of its own."""
        if kind == "fresh":
            self.call(iam_credentials_v1.IAMCredentialsClient())
        else:
            self.call(self.client)


def outcome(pid: int, patience: float) -> str:
    """Wait for a child; kill it when it has not ended in time, after it said where it is."""
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.select([descriptor], [], [], patience)[0]
        if not ended:
            os.kill(pid, signal.SIGUSR1)
            select.select([descriptor], [], [], 1)
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not ended:
        return "hung"
    return "crashed" if code < 0 else "failed" if code else "ok"


def main() -> None:
    gated, work, kind, forks, patience = sys.argv[1:]
    faulthandler.register(signal.SIGUSR1)
    if gated == "gate":
        fork_gate.install()
    parent = Parent(f"projects/-/serviceAccounts/{os.environ['BUSY_FORKS_ACCOUNT']}", work)
    outcomes: Counter[str] = Counter()
    waits: list[float] = []
    began = time.monotonic()
    for _ in range(int(forks)):
        before = time.monotonic()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                parent.child(kind)
                code = 0
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        waits.append(time.monotonic() - before)
        outcomes[outcome(pid, float(patience))] += 1
    seconds = time.monotonic() - began
    parent.stop.set()
    for thread in parent.threads:
        thread.join()
    report = {
        "outcomes": outcomes,
        "waits": [round(wait, 6) for wait in waits],
        "calls": sum(parent.calls),
        "errors": parent.errors,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
