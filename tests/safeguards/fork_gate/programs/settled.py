"""Counts the channels whose first call in a child waits."""

import gc
from typing import Any

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

channels: list[Any] = []


class Gate(fork_gate.Gate):
    """Notes each channel that it settles."""

    def settle(self, channel: Any) -> None:
        channels.append(channel)
        super().settle(channel)


fork_gate.gate = Gate()
fork_gate.install()
stubs, unused = Stubs(new_channel()), Stubs(new_channel())
stubs.use_all()
unused.use_all()
gc.collect()


def settled() -> tuple[int, int]:
    for used in (stubs, Stubs(new_channel())):
        used.use_all()
    return len(channels), len(fork_gate.gate.inherited)


say("settled", forked(settled))
