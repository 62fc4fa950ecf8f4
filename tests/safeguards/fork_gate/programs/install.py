"""Installs the gate where it cannot help, too late, in time, and again."""

import gc
import os

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, sign


def answer() -> str:
    try:
        fork_gate.install()
    except RuntimeError as error:
        return str(error).partition(",")[0].partition(";")[0]
    return "installed"


os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
say("turned off", answer())
del os.environ["GRPC_ENABLE_FORK_SUPPORT"]
client = iam_credentials_v1.IAMCredentialsClient()
say("late", answer())
client.transport.close()
del client
gc.collect()
say("in time", answer())
say("again", answer())
client = iam_credentials_v1.IAMCredentialsClient()
say("with a client", answer())
for _ in range(5):
    say("forked", forked(lambda: sign(client)))
    say("parent", sign(client))
