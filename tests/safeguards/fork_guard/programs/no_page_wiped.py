"""Forks where the kernel wipes no page."""

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

fork_guard.WIPE_ON_FORK = -1
fork_guard.here = fork_guard.Process()
assert isinstance(fork_guard.here.page, bytearray)
fork_guard.install()
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)


def child() -> str:
    own = iam_credentials_v1.IAMCredentialsClient()
    uses = lambda: sign(client), lambda: sign(own)
    return " ".join([*map(answer, uses), forked(lambda: " ".join(map(answer, uses)))])


say("child", forked(child))
say("creator", sign(client))
