"""Forks beside a stream that does not end, and calls, while nothing ends a fork that waits."""

import os
import threading

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel

fork_gate.LIMIT = 1
fork_gate.install()
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
say("forked at the limit", forked())
os.register_at_fork(after_in_parent=lambda: say("after", "the fork"))
thread = threading.Thread(target=forked)
thread.start()
wait_until(lambda: fork_gate.gate.is_closed)
say("called at the limit", stubs.echo(b"0"))
thread.join()
stream.cancel()
say("nothing in flight", forked(stubs.use_all))
