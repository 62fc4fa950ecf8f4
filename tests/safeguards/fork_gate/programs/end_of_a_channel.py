"""Forks at once after a channel, or credentials of a call, have come to their end.

Usage: end_of_a_channel.py close|drop|credentials
"""

import gc
import sys
from typing import Any

import grpc

from recipes.safeguards import fork_gate
from recipes.safeguards.fork_gate import gate
from tests.safeguards.attacks import forked, say, seconds
from tests.safeguards.echo import Plugin, Stubs, new_channel

fork_gate.install()
kept = Stubs(new_channel())
kept.echo(b"0")
tokens = grpc.metadata_call_credentials(Plugin())
used: list[Any] = []


def credentials_of_calls() -> None:
    kept.echo(b"0", credentials=tokens)
    kept.echo.future(b"0", credentials=grpc.metadata_call_credentials(Plugin())).result()


ENDS = {
    "close": lambda: used[0].close(),
    "drop": used.clear,
    "credentials": credentials_of_calls,
}

for _ in range(10):
    channel = new_channel()
    echo = channel.unary_unary("/test/Echo")
    echo(b"0")
    used[:] = [channel, echo]
    del channel, echo
    ENDS[sys.argv[1]]()
    say("took", seconds(forked) < 40)
used.clear()
gc.collect()
say("forked", forked())
say("watched", len(gate.plugins))
