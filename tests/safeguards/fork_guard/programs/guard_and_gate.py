"""Forks beside threads that call.

Usage: guard_and_gate.py FIRST SECOND, each of them `gate` or `guard`
"""

import sys

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate, fork_guard
from tests.safeguards.attacks import Busy, say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

INSTALL = {"gate": fork_gate.install, "guard": fork_guard.install}

for name in sys.argv[1:]:
    INSTALL[name]()
client = iam_credentials_v1.IAMCredentialsClient()


def child() -> str:
    own = iam_credentials_v1.IAMCredentialsClient()
    return f"{answer(lambda: sign(client))} {sign(own)}"


with Busy(lambda: sign(client)):
    for _ in range(10):
        say("child", forked(child))
    say("creator", sign(client))
