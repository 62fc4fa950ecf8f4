"""Probe: one fork, and what became of the child and of the parent, as one line of JSON.

Usage: python -m recipes.testing.local_iam run -- python probe.py PARENT CHILD

Three processes, because a parent may die or hang in the fork and can then tell nothing: one that
watches and knows nothing of gRPC, the parent, which it starts, and the child, which comes to the
watcher if its parent is gone. Both tell what they reached through one pipe, a line at a time, so
that where the lines end is where a process hung or died.

It imports nothing of the project and runs on any Python from 3.10 on that has google-cloud-iam, of
any release: what was imported or started before the fork is the state of the parent, nothing else.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

THREADS = 8
"""Threads of a busy parent, which call in a loop with the client that they share."""
DEADLINE = 3.0
"""Seconds of each call, which is one attempt: `retry=None`."""
CHILD_LIMIT = 6.0
PARENT_LIMIT = 20.0
"""Seconds from the fork on; what has not ended by then hangs, and is killed."""
START_LIMIT = 60.0
"""Seconds in which the parent must be ready to fork."""
CALLS = 5
"""Calls of a child, one after the other; the first that fails is its outcome."""
BUSY_SECONDS = 2.0
PAUSE = 0.05
"""So long after the fork the threads of a busy parent go on as before, then they pause between
two calls: a child that hangs until its limit need not cost a processor.
"""
CALLS_AFTERWARDS = 2
"""What each thread of a busy parent still calls after the child has ended."""
HANG_IN_FORK = "hang in os.fork()"
PR_SET_CHILD_SUBREAPER = 36

Tell = Callable[..., None]


class AioClient:
    """An async client and its event loop, to be called like a sync client."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(self._create())

    def generate_access_token(self, **how: Any) -> None:
        self._loop.run_until_complete(self._call(how))

    async def _create(self) -> Any:
        from google.cloud import iam_credentials_v1

        return iam_credentials_v1.IAMCredentialsAsyncClient()

    async def _call(self, how: dict[str, Any]) -> None:
        await self._client.generate_access_token(**how)


def new_client() -> Any:
    from google.cloud import iam_credentials_v1

    return iam_credentials_v1.IAMCredentialsClient()


@cache
def account() -> str:
    """Return the account whose key the environment names; it may mint tokens for itself."""
    import google.auth

    credentials: Any = google.auth.default()[0]
    return str(credentials.service_account_email)


def call_often(client: Any) -> tuple[str, str]:
    """Mint tokens until a call fails; return what became of the last one."""
    for _ in range(CALLS):
        seen = call(client)
        if seen[0] != "ok":
            break
    return seen


def call(client: Any) -> tuple[str, str]:
    """Mint a token; return what became of it, and the error's text."""
    try:
        client.generate_access_token(
            name=f"projects/-/serviceAccounts/{account()}",
            scope=["https://www.googleapis.com/auth/cloud-platform"],
            timeout=DEADLINE,
            retry=None,
        )
    except Exception as error:
        return f"raises {type(error).__name__}", " ".join(str(error).split())[:100]
    return "ok", ""


class Parent:
    """The process that forks, brought into the state of that name."""

    def __init__(self, state: str) -> None:
        self.client: Any = None
        self.calls: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._warm = threading.Barrier(THREADS + 1)
        self._pause = threading.Event()
        self._over = threading.Event()
        getattr(self, f"_become_{state}")()

    def _become_imported(self) -> None:
        from google.cloud import iam_credentials_v1  # noqa: F401

    def _become_constructed(self) -> None:
        self.client = new_client()

    def _become_idle(self) -> None:
        self.client = new_client()
        demand_ok(self.client)

    def _become_closed(self) -> None:
        client = new_client()
        demand_ok(client)
        client.transport.close()

    def _become_aio(self) -> None:
        self.client = AioClient()
        demand_ok(self.client)

    def _become_busy(self) -> None:
        self.client = new_client()
        self._threads = [threading.Thread(target=self._keep_calling) for _ in range(THREADS)]
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        self._warm.wait()
        with self._lock:
            self.calls.clear()

    def _keep_calling(self) -> None:
        demand_ok(self.client)
        self._warm.wait()
        while not self._over.is_set():
            self.count_a_call()
            if self._pause.is_set():
                time.sleep(PAUSE)
        for _ in range(CALLS_AFTERWARDS):
            self.count_a_call()

    def count_a_call(self) -> None:
        seen = call(self.client)
        with self._lock:
            self.calls[seen] += 1

    def slow_down(self) -> None:
        self._pause.set()

    def finish(self) -> None:
        """Let the threads end, and make a last call with the client that was there at the fork."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.client is not None:
            self.count_a_call()


def demand_ok(client: Any) -> None:
    outcome, text = call(client)
    if outcome != "ok":
        raise SystemExit(f"the local IAM does not answer before the fork: {outcome}: {text}")


CHILDREN: dict[str, Callable[[Any], tuple[str, str]]] = {
    "reuse": call_often,
    "fresh": lambda _: call_often(new_client()),
    "fresh-aio": lambda _: call_often(AioClient()),
    "none": lambda _: ("ok", ""),
}
"""What a child does, given the client of its parent."""


def fork_once(state: str, child: str, tell: Tell) -> None:
    """Run in the parent: fork, watch the child, say what the calls of the parent were."""
    parent = Parent(state)
    tell(event="forking")
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        tell(event="child begins")
        outcome, text = CHILDREN[child](parent.client)
        tell(event="child answers", outcome=outcome, text=text)
        os._exit(0)
    tell(event="forked", pid=pid, seconds=round(time.monotonic() - began, 3))
    tell(event="child ends", status=end_of(pid, parent))
    parent.finish()
    failed = Counter({seen: n for seen, n in parent.calls.items() if seen[0] != "ok"})
    outcome, text = failed.most_common(1)[0][0] if failed else ("ok", "")
    calls, errors = sum(parent.calls.values()), sum(failed.values())
    tell(event="parent answers", outcome=outcome, text=text, calls=calls, errors=errors)
    os._exit(0)


def end_of(pid: int, parent: Parent) -> int | None:
    """Return the wait status of a child; kill it at its limit, and return None."""
    forked = time.monotonic()
    while (seconds := time.monotonic() - forked) < CHILD_LIMIT:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if seconds > BUSY_SECONDS:
            parent.slow_down()
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


class Watch:
    """Starts the parent, reads what it and its child tell, and leaves nothing of them running."""

    def __init__(self, state: str, child: str) -> None:
        self.told: dict[str, dict[str, Any]] = {}
        self.ended: dict[int, int] = {}
        self._reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        command = [sys.executable, __file__, state, child, str(writer)]
        self.parent = os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)
        os.close(writer)

    def run(self) -> None:
        """Read until both have ended or the time is up."""
        until = time.monotonic() + START_LIMIT
        data = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while selector.select(max(0, until - time.monotonic())):
                received = os.read(self._reader, 1 << 16)
                if not received:
                    break
                *lines, data = (data + received).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    self.told[event["event"]] = event
                    if event["event"] == "forking":
                        until = time.monotonic() + PARENT_LIMIT

    def end(self) -> None:
        """Kill what is left of the parent's group, and collect how each process ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.parent, signal.SIGKILL)
        try:
            while True:
                pid, status = os.waitpid(-1, 0)
                self.ended.setdefault(pid, status)
        except ChildProcessError:
            os.close(self._reader)

    def outcome_of_parent(self) -> str:
        if "parent answers" in self.told:
            return str(self.told["parent answers"]["outcome"])
        status = self.ended[self.parent]
        return ending(status) or ("hang" if "forked" in self.told else HANG_IN_FORK)

    def outcome_of_child(self) -> str | None:
        """None: there was no child."""
        if "child answers" in self.told:
            return str(self.told["child answers"]["outcome"])
        begun = "child begins" in self.told
        if not begun and "forked" not in self.told:
            return None
        status = self.told["child ends"]["status"] if "child ends" in self.told else self._orphan()
        return ending(status) or ("hang" if begun else HANG_IN_FORK)

    def _orphan(self) -> int | None:
        """Return the status of the child of a parent that did not live to see its end."""
        return next((it for pid, it in self.ended.items() if pid != self.parent), None)

    def outcome(self) -> dict[str, Any]:
        of_child = self.told.get("child answers", {})
        of_parent = self.told.get("parent answers", {})
        return {
            "child_outcome": self.outcome_of_child(),
            "child_error": of_child.get("text", ""),
            "parent_outcome": self.outcome_of_parent(),
            "parent_error": of_parent.get("text", ""),
            "calls": of_parent.get("calls"),
            "errors": of_parent.get("errors"),
            "fork_seconds": self.told.get("forked", {}).get("seconds"),
        }


def ending(status: int | None) -> str | None:
    """Say how a process ended that did not answer, None if it had to be killed."""
    if status is None or not os.WIFSIGNALED(status):
        return None if status is None else f"exit {os.WEXITSTATUS(status)}"
    name = signal.Signals(os.WTERMSIG(status)).name
    return None if name == "SIGKILL" else f"crash {name}"


def main(state: str, child: str) -> int:
    """Watch one fork; exit with 1 and print nothing where there was none."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # a child without parent comes to us
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    watch = Watch(state, child)
    try:
        watch.run()
    finally:
        watch.end()
    if "forking" not in watch.told:
        print(f"{Path(__file__).name}: the parent did not come to fork", file=sys.stderr)
        return 1
    print(
        json.dumps(
            {
                "python": sys.version.split()[0],
                "grpcio": version("grpcio"),
                "google_cloud_iam": version("google-cloud-iam"),
                "fork_support": os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "unset"),
                "parent": state,
                "child": child,
                **watch.outcome(),
            }
        )
    )
    return 0


def teller(descriptor: int) -> Tell:
    """Return what writes one line at a time, whichever process calls it."""
    return lambda **event: print_line(descriptor, event)


def print_line(descriptor: int, event: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        fork_once(sys.argv[1], sys.argv[2], teller(int(sys.argv[3])))
    sys.exit(main(*sys.argv[1:3]))
