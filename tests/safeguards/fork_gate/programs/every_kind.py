"""Forks beside threads that make calls of every kind, also such as fail or are left alone."""

from contextlib import suppress

import grpc

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel, one_thread_channel

fork_gate.install()
stubs = Stubs(new_channel())
channel = one_thread_channel()
one_thread = Stubs(channel)


def leave_alone() -> None:
    stubs.echo.future(b"1", timeout=30).cancel()
    stubs.echo.future(b"0", timeout=30)
    stream = stubs.count(b"0.1", timeout=30)
    next(stream)
    stream.cancel()
    next(stubs.count(b"0", timeout=30))


def fail() -> None:
    for request, timeout in ((b"1", 0.01), (b"no number", 30)):
        with suppress(grpc.RpcError):
            stubs.echo(request, timeout=timeout)


def everything() -> None:
    stubs.use_all()
    leave_alone()
    assert 5 == len(list(one_thread.count(b"0", timeout=30)))
    for _ in stubs.count(b"0", timeout=30):
        stubs.echo(b"0", timeout=30)
    fail()


with Busy(everything, threads=4) as busy:
    for _ in range(10):
        say("reused", forked(stubs.use_all))
        say("fresh", forked(lambda: Stubs(new_channel()).use_all()))
say("errors", busy.errors)
wait_until(lambda: not fork_gate.gate.in_flight.total())
say("left", forked())
