"""Looks in parent and child for the connection that the gate hides from the child."""

import os
from contextlib import suppress
from pathlib import Path

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

hidden: list[list[list[int]]] = []


class Gate(fork_gate.Gate):
    """Notes the files of each number and of its copy, before they change places again."""

    def show(self) -> None:
        hidden.append([[os.fstat(file).st_ino for file in files] for files in self.hidden])
        super().show()


fork_gate.gate = Gate()
fork_gate.install()
stubs = Stubs(new_channel())
stubs.use_all()
[number] = fork_gate.connections()
connection = os.fstat(number).st_ino


def files() -> set[int]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed
            found.add(os.fstat(int(link.name)).st_ino)
    return found


say("parent has it", connection in files())
say("child has it", forked(lambda: connection in files()))
say("hidden", [(number == connection, copy == connection) for number, copy in hidden[0]])
say("the same", fork_gate.connections() == [number] and os.fstat(number).st_ino == connection)
say("nothing more", fork_gate.gate.hidden)
say("parent", stubs.use_all())
