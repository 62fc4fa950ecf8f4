"""Forks while something is in flight, and says whether that is over in the child.

Usage: in_flight.py KIND
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel, one_thread_channel

IsOver = Callable[[], bool]
SECONDS = b"3"
"""How long something is in flight: far longer than it takes to fork, and to look before."""
ITEM = b"0.6"
"""How long each of the five items of a stream takes."""

fork_gate.install()
stubs = Stubs(new_channel())
stubs.echo(b"0")
kept: list[Any] = []


def read(stream: Any) -> IsOver:
    thread = start(list, stream)
    return lambda: not thread.is_alive() or stream.done()


def start(use: Callable[..., object], *args: object) -> threading.Thread:
    thread = threading.Thread(target=use, args=args)
    thread.start()
    return thread


def future() -> IsOver:
    call = stubs.echo.future(SECONDS)
    kept.append(call)
    is_over: IsOver = call.done
    return is_over


def stream_in_one_thread() -> IsOver:
    kept.append(one_thread_channel())
    return read(Stubs(kept[0]).count(ITEM))


def call() -> IsOver:
    thread = start(stubs.echo, SECONDS)
    wait_until(fork_gate.gate.in_flight.total)
    return lambda: not thread.is_alive()


KINDS: dict[str, Callable[[], IsOver]] = {
    "a future": future,
    "a stream": lambda: read(stubs.count(ITEM)),
    "a stream both ways": lambda: read(stubs.chat(iter([SECONDS]))),
    "a stream in one thread": stream_in_one_thread,
    "a call": call,
}

is_over = KINDS[sys.argv[1]]()
say("before", is_over())
say("child", forked(lambda: is_over() or fork_gate.gate.in_flight.total()))
