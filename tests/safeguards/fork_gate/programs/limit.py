"""Forks beside a stream that does not end, and calls while the gate stays closed."""

import threading

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

fork_gate.LIMIT = 1
fork_gate.install()
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
try:
    forked()
except fork_gate.ForkRefusedError as error:
    say("refused", error)
stream.cancel()
stubs.use_all()
with fork_gate.gate.closed():
    thread = threading.Thread(target=lambda: say("called at the limit", stubs.echo(b"0")))
    thread.start()
    thread.join()
say("nothing in flight", forked(stubs.use_all))
