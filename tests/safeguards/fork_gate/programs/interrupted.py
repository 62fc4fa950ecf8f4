"""Interrupts a call, and a fork that waits, by an exception that a signal raises."""

import os
import signal
from collections.abc import Callable

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

fork_gate.LIMIT = 60
fork_gate.install()
stubs = Stubs(new_channel())


def interrupted(use: Callable[[], object]) -> str:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        use()
    except KeyboardInterrupt:
        return "interrupted"
    return "not interrupted"


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


signal.signal(signal.SIGALRM, interrupt)
say("call", interrupted(lambda: stubs.echo(b"30")))
stream = stubs.count(b"30")
say("fork", interrupted(os.fork))
stream.cancel()
say("forked", forked(stubs.use_all))
say("gate", (fork_gate.gate.in_flight.total(), fork_gate.gate.forker))
