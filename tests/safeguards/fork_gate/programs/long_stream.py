"""Forks beside a stream that outlasts the limit."""

import os

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

fork_gate.install(limit=1)
fork_gate.LIMIT = 1000  # what was installed counts
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
try:
    os.fork()
except fork_gate.ForkRefusedError as error:
    say("refused", error)
say("call", stubs.echo(b"0", timeout=30))
stream.cancel()
fork_gate.install(limit=60)
say("forked", forked(stubs.use_all))
