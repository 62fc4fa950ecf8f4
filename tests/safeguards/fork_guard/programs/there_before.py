"""Uses clients that were there before the guard was installed."""

import asyncio
from typing import Any

from google.cloud import iam_credentials_v1
from google.cloud.iam_credentials_v1.types import SignBlobRequest

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import account, say, sign, sign_async
from tests.safeguards.fork_guard.refusals import forked, try_all

client = iam_credentials_v1.IAMCredentialsClient()
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")
loop = asyncio.new_event_loop()


async def make() -> Any:
    return iam_credentials_v1.IAMCredentialsAsyncClient()


asynchronous = loop.run_until_complete(make())
sign(client)
sign(rest)
stub: Any = client.transport.sign_blob
future = stub.future(SignBlobRequest(name=account(), payload=b"text"), timeout=10)
fork_guard.install()
fork_guard.install()


def message() -> str:
    try:
        return str(sign(client))
    except fork_guard.InheritedClientError as error:
        return str(error)


say("message", forked(message))
try_all(
    {
        "sync": lambda: sign(client),
        "rest": lambda: sign(rest),
        "async": lambda: loop.run_until_complete(sign_async(asynchronous)),
        "new async": lambda: asyncio.run(make()),
        "future": lambda: future.result(timeout=10),
    }
)
say("creator", f"{sign(client)} {sign(rest)}")
say("async creator", loop.run_until_complete(sign_async(asynchronous)))
future.exception(timeout=10)
