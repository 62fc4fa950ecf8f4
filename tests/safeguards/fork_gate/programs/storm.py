"""Forks from three threads on and on, beside four that call."""

import threading

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say
from tests.safeguards.echo import Stubs, new_channel

fork_gate.install()
stubs = Stubs(new_channel())
children: list[str] = []


def fork_often() -> None:
    children.extend(forked() for _ in range(20))


with Busy(lambda: stubs.echo(b"0"), threads=4) as busy:
    before = list(busy.counts)
    forking = [threading.Thread(target=fork_often) for _ in range(3)]
    for thread in forking:
        thread.start()
    for thread in forking:
        thread.join()
    called = [now - then for now, then in zip(busy.counts, before, strict=True)]
say("each called", all(calls >= 10 for calls in called))
say("children", {*children})
say("errors", busy.errors)
