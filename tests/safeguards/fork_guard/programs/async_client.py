"""Uses an asynchronous client that was inherited, and new ones beside it."""

import asyncio
import gc
import sys
from typing import Any

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import (
    plugins,
    say,
    sign,
    sign_async,
    wait_until,
    wait_until_threads_rest,
)
from tests.safeguards.fork_guard.refusals import forked, try_all

fork_guard.install()
Client = iam_credentials_v1.IAMCredentialsAsyncClient
loop = asyncio.new_event_loop()


async def make() -> Any:
    client = Client()
    await sign_async(client)
    return client


async def fresh() -> int:
    return await sign_async(Client())


def drop() -> str:
    global client
    del client
    gc.collect()
    return "dropped"


def close() -> None:
    """Close the client, so that a fork may follow."""
    (plugin,) = plugins()
    held = sys.getrefcount(plugin)
    loop.run_until_complete(client.transport.close())
    wait_until(lambda: sys.getrefcount(plugin) < held)
    wait_until_threads_rest()


client = loop.run_until_complete(make())
try_all(
    {
        "same loop": lambda: loop.run_until_complete(sign_async(client)),
        "new loop": lambda: asyncio.run(sign_async(client)),
        "new client": lambda: asyncio.run(fresh()),
        "grandchild": lambda: forked(lambda: asyncio.run(fresh())),
        "state": lambda: client.transport.grpc_channel.get_state(),
        "close": lambda: loop.run_until_complete(client.transport.close()),
        "drop": drop,
        "new sync client": lambda: sign(iam_credentials_v1.IAMCredentialsClient()),
    }
)
say("creator", loop.run_until_complete(sign_async(client)))
close()
say("new client beside a closed one", forked(lambda: asyncio.run(fresh())))
drop()
wait_until_threads_rest()
say("after drop", forked(lambda: asyncio.run(fresh())))
