"""Fork many times while eight threads call, and print as JSON what became of the children.

Usage: python -m tests.benchmarks.programs.busy_forks gate|calls|none reused|fresh FORKS PATIENCE
`calls` is a gate that waits in the same way, and leaves the connections alone. The program needs
google-cloud-iam alone, so it runs with any release of grpcio.
"""

import faulthandler
import json
import logging
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


class Waits(logging.Handler):
    """Collects how long the gate made each fork wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and isinstance(record.args[0], float):
            self.seconds.append(record.args[0])


class Parent:
    """Calls from threads, on one client, until it is told to stop."""

    def __init__(self, name: str) -> None:
        self.name, self.stop = name, threading.Event()
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
    gated, kind, forks, patience = sys.argv[1:]
    faulthandler.register(signal.SIGUSR1)
    waits = Waits()
    fork_gate.LOG.addHandler(waits)
    fork_gate.LOG.setLevel(logging.DEBUG)
    fork_gate.LOG.propagate = False
    if gated == "calls":
        for name in ("hide", "settle"):
            setattr(fork_gate.Gate, name, lambda gate, *_: gate.inherited.clear())
    if gated != "none":
        fork_gate.install()
    parent = Parent(f"projects/-/serviceAccounts/{os.environ['BUSY_FORKS_ACCOUNT']}")
    outcomes: Counter[str] = Counter()
    began = time.monotonic()
    for _ in range(int(forks)):
        try:
            pid = os.fork()
        except fork_gate.ForkRefusedError:
            outcomes["refused"] += 1
            continue
        if pid == 0:
            code = 1
            try:
                parent.child(kind)
                code = 0
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        outcomes[outcome(pid, float(patience))] += 1
    seconds = time.monotonic() - began
    parent.stop.set()
    for thread in parent.threads:
        thread.join()
    report = {
        "outcomes": outcomes,
        "waits": [round(wait, 6) for wait in waits.seconds],
        "calls": sum(parent.calls),
        "errors": parent.errors,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
