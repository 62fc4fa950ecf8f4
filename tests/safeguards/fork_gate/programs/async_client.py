"""Forks while an asynchronous client is open, and after it was closed."""

import asyncio
import gc
import os

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import forked, say, sign_async

Client = iam_credentials_v1.IAMCredentialsAsyncClient
fork_gate.install(limit=1000)


async def use() -> int:
    client = Client()
    length = await sign_async(client)
    try:
        os.fork()
    except fork_gate.ForkRefusedError as error:
        say("refused", "an open grpc.aio channel" in str(error))
    await client.transport.close()
    return length


async def fresh() -> int:
    return await sign_async(Client())


for _ in range(5):
    say("parent", asyncio.run(use()))
    gc.collect()
    say("child", forked(lambda: asyncio.run(fresh())))
