"""Uses awaitables and asynchronous streams that the parent started."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import stream_server
from tests.safeguards.fork_guard.refusals import try_all

fork_guard.install()


def in_loop(use: Callable[[], Any]) -> Callable[[], object]:
    async def run() -> object:
        return await use()

    return lambda: asyncio.run(run())


async def started(address: str) -> tuple[Any, Any, Any]:
    channel: Any = grpc.aio.insecure_channel(address)
    one = channel.unary_unary("/echo/one")(b"text")
    stream = channel.stream_stream("/echo/each")()
    await stream.write(b"text")
    await stream.done_writing()
    assert b"text" == await one == await stream.read()
    assert grpc.StatusCode.OK == await stream.code()
    return channel, one, stream


with stream_server() as address:
    loop = asyncio.new_event_loop()
    channel, one, stream = loop.run_until_complete(started(address))
    try_all(
        {
            "await": in_loop(lambda: one),
            "read": in_loop(stream.read),
            "write": in_loop(lambda: stream.write(b"text")),
            "async code": in_loop(stream.code),
            "async cancel": stream.cancel,
        }
    )
