"""Forks while something is in flight, and says whether that is over in the child.

Usage: in_flight.py KIND
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import google.auth._refresh_worker
import google.auth.credentials

from recipes.safeguards import fork_gate
from recipes.safeguards.fork_gate import gate
from tests.safeguards.attacks import forked, say, wait_until
from tests.safeguards.echo import Plugin, Stubs, new_channel, one_thread_channel

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
    wait_until(lambda: gate.in_flight)
    return lambda: not thread.is_alive()


def token() -> IsOver:
    """Give a call up while its token is fetched."""
    plugin = Plugin(float(SECONDS))
    call = Stubs(new_channel(plugin)).echo.future(b"0", timeout=30)
    plugin.asked.wait()
    call.cancel()
    return lambda: not any(isinstance(one, fork_gate.CountedThread) for one in gate.in_flight)


class Slow(google.auth.credentials.AnonymousCredentials):
    """Credentials whose refresh takes so long."""

    is_over = False

    def refresh(self, request: object) -> None:
        time.sleep(float(SECONDS))
        self.is_over = True


def background_refresh() -> IsOver:
    slow: Any = Slow()  # type: ignore[no-untyped-call]
    google.auth._refresh_worker.RefreshThreadManager().start_refresh(slow, "request")
    return lambda: slow.is_over


KINDS: dict[str, Callable[[], IsOver]] = {
    "a future": future,
    "a stream": lambda: read(stubs.count(ITEM)),
    "a stream both ways": lambda: read(stubs.chat(iter([SECONDS]))),
    "a stream in one thread": stream_in_one_thread,
    "a call": call,
    "a token": token,
    "a background refresh": background_refresh,
}

is_over = KINDS[sys.argv[1]]()
say("before", is_over())
say("child", forked(lambda: is_over() or gate.in_flight))
