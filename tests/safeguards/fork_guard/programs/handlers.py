"""Makes clients in handlers that run in a child before the guard's, and after it."""

import os

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

clients: dict[str, iam_credentials_v1.IAMCredentialsClient] = {}


def make(name: str) -> None:
    clients[name] = iam_credentials_v1.IAMCredentialsClient()


os.register_at_fork(after_in_child=lambda: make("before"))
fork_guard.install()
os.register_at_fork(after_in_child=lambda: make("after"))
parent = iam_credentials_v1.IAMCredentialsClient()


def child() -> str:
    uses = (lambda: sign(parent), lambda: sign(clients["before"]), lambda: sign(clients["after"]))
    return " ".join([*map(answer, uses), forked(lambda: " ".join(map(answer, uses)))])


say("child", forked(child))
