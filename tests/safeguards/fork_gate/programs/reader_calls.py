"""Forks while a thread reads a stream, and calls for each of its answers."""

import threading

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel

fork_gate.install()
stubs = Stubs(new_channel())
answers: list[bytes] = []


def read() -> None:
    for _ in stubs.count(b"0.2", timeout=60):
        answers.append(stubs.echo(b"0", timeout=60))  # noqa: PERF401 - it is seen as it grows


thread = threading.Thread(target=read)
thread.start()
wait_until(lambda: answers)
say("calls before the stream ended", forked(lambda: len(answers) >= 4))
thread.join()
