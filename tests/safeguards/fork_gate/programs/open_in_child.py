"""Calls and forks in threads of a child, which was forked beside busy threads."""

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say, sign

fork_gate.install()
client = iam_credentials_v1.IAMCredentialsClient()


def child() -> tuple[list[str], list[Exception], int]:
    with Busy(lambda: sign(client), threads=2) as busy:
        children = [forked(lambda: sign(client)) for _ in range(3)]
    return children, busy.errors, fork_gate.gate.in_flight.total()


with Busy(lambda: sign(client)):
    say("child", forked(child))
