"""Forks beside a stream where the fork cannot, or shall not, be refused."""

import os

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

taken_before = os.fork
fork_gate.install(limit=0.5)
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
say("taken before", forked(fork=taken_before))
fork_gate.install(limit=0.5, refuse=False)
say("not refused", forked())
stream.cancel()
fork_gate.install(limit=60, refuse=False)
say("nothing in flight", forked(stubs.use_all, fork=taken_before))
