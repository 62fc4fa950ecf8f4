"""What the attacking programs share: children that are watched, threads that are busy.

Such a program is run by the fixture `attack`, says what it saw in lines, and judges nothing.
Nothing is imported here that a safeguard wants to be installed before.
"""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from grpc import _plugin_wrapping

if TYPE_CHECKING:
    from typing_extensions import Self

SHOW_STACKS = signal.SIGUSR2  # which the runner makes every program answer
PATIENCE = 60.0
"""Seconds in which a child answers that answers at all; the longest take two on a quiet machine."""
HUNG = "hung"
"""What is said of a child that did not answer in time."""


def say(name: str, answer: object) -> None:
    r"""Print a line `NAME\tANSWER`."""
    print(name, answer, sep="\t", flush=True)


def seconds(use: Callable[[], object]) -> float:
    """Return how long a call took."""
    began = time.monotonic()
    use()
    return time.monotonic() - began


def wait_until(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait until a condition holds.

    Raises TimeoutError where it does not in time.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"this did not come within {within} seconds")
        time.sleep(0.001)


def threads_rest(within: float = 0.02) -> bool:
    """Tell whether no other thread of this process ran, or waited for a processor, meanwhile."""

    def switches() -> dict[str, str]:
        found = {}
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has ended
                status = (thread / "status").read_text()
                running = "\nState:\tR" in status
                found[thread.name] = "running" if running else status.partition("voluntary")[2]
        found.pop(str(threading.get_native_id()), None)
        return found

    before = switches()
    time.sleep(within)
    return before == switches() and "running" not in before.values()


def wait_until_threads_rest() -> None:
    """Wait until a client that was used, or closed, keeps no thread running: then it may be forked.

    A call returns before the threads that it started have ended, and `close` before gRPC has let
    go. Of children that were forked just then, made a client, called and forked, 27 of 4,000 hung
    in their first signature or aborted in gRPC on busy processors, and none of 4,000 that were
    forked when the threads rested. A parent that forked just after `close` froze for 62 s.
    """
    wait_until(threads_rest)


def answer_of(use: Callable[[], object]) -> str:
    """Return what a call returned, or the error that it raised."""
    try:
        return str(use())
    except BaseException as error:
        return repr(error)


def forked(
    use: Callable[[], object] = lambda: "ok",
    fork: Callable[[], int] | None = None,
    within: float = PATIENCE,
) -> str:
    """Return what a forked child answered: its result, its error, or how it ended.

    One that does not end in time shows on standard error where it stands, is killed, and is `hung`.
    """
    reader, writer = os.pipe()
    pid = (fork or os.fork)()
    if pid == 0:
        Busy.at_work = False
        os.write(writer, answer_of(use).encode())
        os._exit(0)
    os.close(writer)
    try:
        status = _status_of(pid, within)
        if status is None:
            return HUNG
        return os.read(reader, 1 << 16).decode() if status == 0 else f"ended with status {status}"
    finally:
        os.close(reader)


def _status_of(pid: int, within: float) -> int | None:
    """Wait for a child; kill it where it does not end in time, and return None."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.001)
    os.kill(pid, SHOW_STACKS)
    time.sleep(0.5)  # for nothing but its last words
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


class Busy:
    """Threads that use something again and again, in a `with` block.

    `counts` tells how often each did, `errors` what was raised.
    """

    at_work = False
    """Whether threads of this process are to be busy."""

    def __init__(self, use: Callable[[], object], threads: int = 8) -> None:
        self.use, self.over = use, False
        self.counts = [0] * threads
        self.errors: list[Exception] = []
        self.warm = threading.Barrier(threads + 1)
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(threads)]

    def run(self, number: int) -> None:
        self.use()
        self.warm.wait()
        while not self.over:
            try:
                self.use()
            except Exception as error:
                self.errors.append(error)
            self.counts[number] += 1

    def __enter__(self) -> "Self":
        Busy.at_work = True
        for thread in self.threads:
            thread.start()
        self.warm.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.over = True
        for thread in self.threads:
            thread.join()
        Busy.at_work = False


def account() -> str:
    """Return the resource name of the service account that the programs use."""
    return "projects/-/serviceAccounts/" + os.environ["ACCOUNT"]


def sign(client: Any) -> int:
    """Sign with a synchronous client, without another attempt; return the signature's length."""
    answer = client.sign_blob(name=account(), payload=b"text", timeout=30, retry=None)
    return len(answer.signed_blob)


async def sign_async(client: Any) -> int:
    """Sign with an asynchronous client."""
    answer = await client.sign_blob(name=account(), payload=b"text", timeout=30)
    return len(answer.signed_blob)


def plugins() -> list[Any]:
    """List what gRPC calls for tokens: one for each client, and no state of a call."""
    return [thing for thing in gc.get_objects() if isinstance(thing, _plugin_wrapping._Plugin)]


@contextmanager
def stream_server() -> Iterator[str]:
    """Run a server whose streams stay open, in a process of its own; yield its address."""
    environment = {name: value for name, value in os.environ.items() if name != "grpc_proxy"}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("servers") / "streams.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as server:
        assert server.stdout
        try:
            yield f"127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()
