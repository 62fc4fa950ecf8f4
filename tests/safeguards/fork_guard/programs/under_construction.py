"""Forks at any moment of the construction of clients.

None is dropped, not even at the end: to fork just then can freeze gRPC, with the guard or without.
"""

import os
import sys

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import Busy, say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

fork_guard.install()
Client = iam_credentials_v1.IAMCredentialsClient
clients = [Client()]
sessions = [Client(transport="rest")]


def construct() -> None:
    clients.append(Client())
    sessions.append(Client(transport="rest"))


def child() -> str:
    foreign = [answer(lambda: sign(clients[-1])), answer(lambda: sign(sessions[-1]))]
    return " ".join([*foreign, str(sign(Client()))])


sys.setswitchinterval(1e-4)
with Busy(construct, threads=2):
    for _ in range(20):
        say("child", forked(child))
sys.stdout.flush()
os._exit(0)
