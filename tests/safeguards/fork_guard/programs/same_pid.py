"""Uses a client in a later process that got the pid of the client's creator."""

import os
import time
from pathlib import Path

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign, wait_until
from tests.safeguards.fork_guard.refusals import answer

fork_guard.install()


def fork_as(pid: int) -> str | None:
    """Fork until the child has this pid, which is free; return None in that child."""
    until = time.monotonic() + 60  # others fork meanwhile, and take it
    while time.monotonic() < until:
        try:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        except OSError as error:
            return f"not allowed: {error}"
        if (child := os.fork()) == 0:
            if os.getpid() != pid:
                os._exit(1)
            return None
        if os.waitpid(child, 0)[1] == 0:
            return "done"
    return "the pid was always taken"


def outlive_the_creator(client: iam_credentials_v1.IAMCredentialsClient, creator: int) -> str:
    """Return what is to be said, or nothing; the creator is waited for by the first process."""
    wait_until(lambda: not Path(f"/proc/{creator}").exists())
    state = fork_as(creator)
    if state is None:
        return f"{os.getpid() == creator} {answer(lambda: sign(client))}"
    return "" if state == "done" else state


reader, writer = os.pipe()
if os.fork() == 0:  # the creator
    client = iam_credentials_v1.IAMCredentialsClient()
    sign(client)
    creator = os.getpid()
    if os.fork() == 0:
        os.write(writer, outlive_the_creator(client, creator).encode())
    os._exit(0)
os.close(writer)
os.wait()
say("same pid", os.read(reader, 1 << 16).decode())
