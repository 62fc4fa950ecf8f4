"""Makes an asynchronous client beside an inherited one, or drops that, without the guard."""

import asyncio
import gc
import os
import sys
from typing import Any

from google.cloud import iam_credentials_v1

from tests.safeguards.attacks import forked, say, sign_async

Client = iam_credentials_v1.IAMCredentialsAsyncClient
SECONDS = 5.0


async def make() -> Any:
    client = Client()
    await sign_async(client)
    return client


async def fresh() -> None:
    await sign_async(Client())


def drop() -> None:
    global client
    del client
    gc.collect()


client = asyncio.new_event_loop().run_until_complete(make())
for name, use in {"new": lambda: asyncio.run(fresh()), "drop": drop}.items():
    well = all(forked(use, within=SECONDS) == "None" for _ in range(3))
    say(name, "answered" if well else "hung or died")
sys.stdout.flush()
os._exit(0)  # without the threads of gRPC
