"""Forks from a callback, a hook, a child, a signal handler, an iterator and `multiprocessing`."""

import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import get_context

import grpc

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel

fork_gate.install()
stubs = Stubs(new_channel())


def from_callback() -> list[str]:
    answers: list[str] = []
    done = threading.Event()

    def fork(_: object) -> None:
        answers.append(forked(lambda: stubs.echo(b"0")))
        done.set()

    stubs.echo.future(b"0.1").add_done_callback(fork)
    done.wait()
    return answers


def from_signal_handler() -> list[str]:
    answers: list[str] = []
    signal.signal(signal.SIGALRM, lambda *_: answers.append(forked(lambda: stubs.echo(b"0"))))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    wait_until(lambda: answers)
    return answers


def from_multiprocessing() -> list[float]:
    with get_context("fork").Pool(2) as workers:
        return workers.map(float, [0, 1])


def from_iterator() -> list[bytes]:
    def requests() -> Iterator[bytes]:
        yield b"0"
        yield forked(lambda: "0").encode()

    return list(stubs.chat(requests()))


def from_hook() -> None:
    nested: list[object] = []

    def fork_once() -> None:
        if not nested:
            nested.append(1)
            nested.append(forked())

    os.register_at_fork(before=fork_once)
    say("hook", forked(stubs.use_all))
    say("nested", nested)


with Busy(lambda: stubs.echo(b"0"), threads=4) as busy:
    say("callback", from_callback())
    say("signal handler", from_signal_handler())
    say("multiprocessing", from_multiprocessing())
    say("child", forked(lambda: forked(lambda: forked(stubs.use_all))))
    from_hook()
say("errors", busy.errors)
fork_gate.LIMIT = 1
try:
    from_iterator()
except grpc.RpcError as error:
    say("iterator", error.details())
say("afterwards", forked(stubs.use_all))
