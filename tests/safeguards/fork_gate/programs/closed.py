"""Forks at once after a client has been closed."""

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, seconds, sign

fork_gate.install()
for _ in range(10):
    with iam_credentials_v1.IAMCredentialsClient() as client:
        sign(client)
    say("took", seconds(forked) < 40)
