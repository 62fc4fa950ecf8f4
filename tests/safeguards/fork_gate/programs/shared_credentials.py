"""Forks while threads open and close channels that share their credentials.

Usage: shared_credentials.py FORKS PATIENCE
"""

import sys

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say
from tests.safeguards.echo import new_credentials, open_channel

forks, patience = int(sys.argv[1]), float(sys.argv[2])
fork_gate.install()
credentials = new_credentials()


def use() -> bytes:
    with open_channel(credentials) as channel:
        answer: bytes = channel.unary_unary("/test/Echo")(b"0", timeout=30)
        return answer


with Busy(use, threads=4) as busy:
    for _ in range(forks):
        say("fresh", forked(use, within=patience))
say("errors", busy.errors)
