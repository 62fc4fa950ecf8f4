"""Says what the guard's error tells of two clients, each with the process that it is said in."""

import os
from typing import Any

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import forked

fork_guard.install()


def make() -> Any:
    return iam_credentials_v1.IAMCredentialsClient(
        transport="grpc",
    )


client = make()
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")  # the other


def message(client: Any) -> str:
    try:
        return str(sign(client))
    except fork_guard.InheritedClientError as error:
        return f"{os.getpid()} {error}"


for each in (client, rest):
    say(str(os.getpid()), forked(lambda each=each: message(each)))  # type: ignore[misc]
