"""Forks with both safeguards, beside threads that call.

Usage: gate_and_guard.py FIRST SECOND, each of them `gate` or `guard`
"""

import sys

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate, fork_guard
from tests.safeguards.attacks import Busy, forked, say, sign

INSTALL = {"gate": fork_gate.install, "guard": fork_guard.install}

for name in sys.argv[1:]:
    INSTALL[name]()
client = iam_credentials_v1.IAMCredentialsClient()


def reuse() -> object:
    try:
        return sign(client)
    except fork_guard.InheritedClientError:
        return "guarded"


with Busy(lambda: sign(client)) as busy:
    for _ in range(5):
        say("fresh", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient())))
        say("reused", forked(reuse))
say("errors", busy.errors)
