"""Says what the guard's error tells of a client that was constructed in a thread."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import forked

fork_guard.install()


def message() -> str:
    try:
        return str(sign(client))
    except fork_guard.InheritedClientError as error:
        return str(error)


def make() -> Any:
    return iam_credentials_v1.IAMCredentialsClient()


with ThreadPoolExecutor(1) as thread:
    client = thread.submit(lambda: make()).result()
say("message", forked(message))
