"""Forks while threads make clients, and close or drop them.

Usage: clients_come_and_go.py FORKS PATIENCE
"""

import sys

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say, seconds, sign

forks, patience = int(sys.argv[1]), float(sys.argv[2])
fork_gate.install()


def use() -> None:
    with iam_credentials_v1.IAMCredentialsClient() as client:
        sign(client)


def drop() -> int:
    return sign(iam_credentials_v1.IAMCredentialsClient())


with Busy(use, threads=2) as using, Busy(drop, threads=2) as dropping:
    say("took", all(seconds(forked) < 40 for _ in range(10)))
    for _ in range(forks):
        say("fresh", forked(drop, within=patience))
say("errors", using.errors + dropping.errors)
