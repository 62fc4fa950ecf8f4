# /// script
# requires-python = ">=3.10"
# dependencies = ["grpcio"]
# ///
"""Fork gate: each fork waits until no gRPC call is in flight, and new calls until it is over.

Copy this file, and call `fork_gate.install()` where your program starts, before the first client.
"""

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import grpc

LIMIT = 10.0
"""Seconds that a fork waits before it raises, and a call for a fork before it goes on."""
PAUSE = 0.05
"""Seconds more, in which gRPC's own threads come to rest after a call or the end of a client."""
PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-gate.html"


class ForkRefusedError(RuntimeError):
    """There was no fork, because calls are still in flight."""


class ForkGate(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Counts what is in flight; a fork closes it, and new calls wait until it opens."""

    def __init__(self) -> None:
        self.is_installed = False
        self.start_afresh()

    def start_afresh(self) -> None:
        """Runs in a child, where the lock may belong to a thread that does not exist."""
        self.changed = threading.Condition()
        self.in_flight = Counter[int]()  # streams by the thread that began them, 0 of the rest
        self.forker = 0

    def is_open(self) -> bool:
        me = threading.get_ident()  # a fork waits for the stream that this thread may be reading
        return self.forker in (0, me) or self.in_flight[me] > 0

    def enter(self, reader: int = 0) -> None:
        with self.changed:
            self.changed.wait_for(self.is_open, LIMIT)
            self.in_flight[reader] += 1

    def leave(self, reader: int = 0) -> None:
        with self.changed:
            self.in_flight[reader] -= 1
            self.changed.notify_all()

    @contextmanager
    def passing(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def is_quiet(self) -> bool:
        return self.forker == threading.get_ident() and not self.in_flight.total()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nothing is in flight in the block, which may fork. Raises ForkRefusedError."""
        with self.changed:
            is_mine = self.changed.wait_for(self.is_open, LIMIT) and self.forker == 0
            if is_mine:
                self.forker = threading.get_ident()
        try:
            with self.changed:
                if not self.changed.wait_for(self.is_quiet, LIMIT):
                    raise ForkRefusedError(
                        f"no fork, calls in flight: {self.in_flight.total()}; see {PAGE}"
                    )
            time.sleep(PAUSE)
            yield
        finally:
            if is_mine:
                self.open()

    def open(self) -> None:
        with self.changed:
            self.forker = 0
            self.changed.notify_all()

    def holding(self, fork: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(fork)
        def fork_when_closed() -> Any:
            with self.closed():
                return fork()

        return fork_when_closed

    def intercept(
        self, start: Callable[..., Any], details: Any, request: Any, reader: int = 0
    ) -> Any:
        """Count a call until it has ended, however it ends."""
        leave = partial(self.leave, reader)  # does not keep the call alive, which may be dropped
        self.enter(reader)
        try:
            call = start(details, request)
        except BaseException:
            leave()
            raise
        if call.done() or not call.add_callback(leave):
            leave()
        return call

    def intercept_stream(self, start: Callable[..., Any], details: Any, request: Any) -> Any:
        return self.intercept(start, details, request, threading.get_ident())

    intercept_unary_unary: Any = intercept
    intercept_unary_stream: Any = intercept_stream
    intercept_stream_unary: Any = intercept
    intercept_stream_stream: Any = intercept_stream


gate = ForkGate()


def gated(make_channel: Callable[..., grpc.Channel]) -> Callable[..., grpc.Channel]:
    """Let channels open and close while no fork is under way, and their calls pass the gate."""

    @wraps(make_channel)
    def channel(*args: Any, **kwargs: Any) -> Any:
        with gate.passing():
            made: Any = grpc.intercept_channel(make_channel(*args, **kwargs), gate)
        close = made.close

        def close_gated() -> None:
            with gate.passing():
                close()

        made.close = close_gated
        return made

    return channel


def install() -> None:
    """Close the gate around each fork from now on. Raises RuntimeError where that cannot help."""
    if gate.is_installed:
        return
    if os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "1").lower() in ("0", "false", "no", "f", "n"):
        raise RuntimeError(f"GRPC_ENABLE_FORK_SUPPORT turns off what the gate needs; see {PAGE}")
    if any(issubclass(type(each), grpc.Channel) for each in gc.get_objects()):
        raise RuntimeError(f"there is a client already, which the gate cannot see; see {PAGE}")
    gate.is_installed = True
    grpc.secure_channel = gated(grpc.secure_channel)
    grpc.insecure_channel = gated(grpc.insecure_channel)
    os.fork, os.forkpty = gate.holding(os.fork), gate.holding(os.forkpty)
    os.register_at_fork(after_in_child=gate.start_afresh)
