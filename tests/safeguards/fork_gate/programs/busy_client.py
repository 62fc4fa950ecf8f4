"""Forks beside threads that call, with the parent's client and with the child's own.

Calls are repeated as a client does by default: a child that inherits a connection may break it.
"""

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, account, forked, say

fork_gate.install()
Client = iam_credentials_v1.IAMCredentialsClient
client = Client()


def sign(with_client: Client) -> int:
    answer = with_client.sign_blob(name=account(), payload=b"text", timeout=30)
    return len(answer.signed_blob)


with Busy(lambda: sign(client)) as busy:
    for _ in range(15):
        say("reused", forked(lambda: sign(client)))
        say("fresh", forked(lambda: sign(Client())))
say("errors", busy.errors)
