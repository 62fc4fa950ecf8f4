"""Forks beside threads that call, with the parent's client and with the child's own."""

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import Busy, forked, say, sign

fork_gate.install()
client = iam_credentials_v1.IAMCredentialsClient()
with Busy(lambda: sign(client)) as busy:
    for _ in range(15):
        say("reused", forked(lambda: sign(client)))
        say("fresh", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient())))
say("errors", busy.errors)
