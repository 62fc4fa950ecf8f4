# /// script
# requires-python = ">=3.10"
# dependencies = ["grpcio"]
# ///
"""Fork gate: each fork waits until no gRPC call is in flight, and new calls until it is over.

Copy this file, and call `fork_gate.install()` where your program starts, before the first client.
"""

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import grpc

LIMIT = 10.0
"""Seconds that a fork waits for calls, and a call for a fork; then it goes on."""
PAUSE = 0.05
"""Seconds more, in which gRPC's own threads come to rest after a call or the end of a client."""
PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-gate.html"
LOG = logging.getLogger("fork_gate")


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
        self.in_flight, self.is_closed = 0, False

    def enter(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.is_closed, LIMIT)
            self.in_flight += 1

    def leave(self) -> None:
        with self.changed:
            self.in_flight -= 1
            self.changed.notify_all()

    @contextmanager
    def passing(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def close(self) -> None:
        """Runs before a fork, and cannot prevent it."""
        with self.changed:
            self.changed.wait_for(lambda: not self.is_closed, LIMIT)  # another thread's fork
            self.is_closed = True
            if not self.changed.wait_for(lambda: not self.in_flight, LIMIT):
                LOG.error("calls in flight: %d, the child may hang; see %s", self.in_flight, PAGE)
        time.sleep(PAUSE)

    def open(self) -> None:
        """Runs after a fork, in the parent."""
        with self.changed:
            self.is_closed = False
            self.changed.notify_all()

    def intercept(self, start: Callable[..., Any], details: Any, request: Any) -> Any:
        """Count a call until it has ended, however it ends."""
        self.enter()
        try:
            call = start(details, request)
        except BaseException:
            self.leave()
            raise
        if call.done() or not call.add_callback(self.leave):  # which does not keep the call alive
            self.leave()
        return call

    intercept_unary_unary: Any = intercept
    intercept_unary_stream: Any = intercept
    intercept_stream_unary: Any = intercept
    intercept_stream_stream: Any = intercept


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
    """Close the gate around each fork from now on. Raises RuntimeError if there is a client."""
    if gate.is_installed:
        return
    if any(issubclass(type(each), grpc.Channel) for each in gc.get_objects()):
        raise RuntimeError(
            f"there is a client already, whose calls the gate cannot see; see {PAGE}"
        )
    gate.is_installed = True
    grpc.secure_channel = gated(grpc.secure_channel)
    grpc.insecure_channel = gated(grpc.insecure_channel)
    os.register_at_fork(
        before=gate.close, after_in_parent=gate.open, after_in_child=gate.start_afresh
    )
