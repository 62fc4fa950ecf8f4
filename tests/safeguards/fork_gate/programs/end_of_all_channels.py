"""Forks at once after the last channel was closed, and looks whether gRPC ends what it has."""

import os
from contextlib import suppress
from pathlib import Path

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say
from tests.safeguards.echo import Stubs, new_channel

ending: list[str] = []


def look() -> None:
    for name in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):  # the thread has ended
            if (text := name.read_text()).startswith("grpc_shutdown"):
                ending.append(text)


os.register_at_fork(before=look)  # what is registered first comes last, after the gate
fork_gate.install()
for _ in range(60):
    channel = new_channel()
    channel.unary_unary("/test/Echo")(b"0")
    channel.close()
    del channel
    assert "ok" == forked()
say("child", forked(lambda: Stubs(new_channel()).use_all()))
say("ending", ending)
