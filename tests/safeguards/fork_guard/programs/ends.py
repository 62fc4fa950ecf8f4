"""Closes, leaves and drops a busy client in children, and ends them."""

import gc
import os
import sys

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import Busy, say, sign
from tests.safeguards.fork_guard.refusals import forked

gc.freeze()  # else each child that ends looks through all that is imported here, and copies it
fork_guard.install()
busy = iam_credentials_v1.IAMCredentialsClient()
idle = iam_credentials_v1.IAMCredentialsClient()
sign(idle)


def leave() -> str:
    with busy:
        return "left"


def drop() -> str:
    global busy, idle
    del busy, idle
    gc.collect()
    return "dropped"


with Busy(lambda: sign(busy)):
    for _ in range(20):
        say("close", forked(busy.transport.close))
        say("leave", forked(leave))
        say("drop", forked(drop))
        if (pid := os.fork()) == 0:
            sys.exit(0)
        say("exit", os.waitpid(pid, 0)[1])
    say("creator", sign(busy))
