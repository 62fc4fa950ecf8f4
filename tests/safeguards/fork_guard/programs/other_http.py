"""Uses what sends by urllib3, or by an asynchronous transport, and was inherited."""

import asyncio
from typing import Any

from google.auth.aio.credentials import AnonymousCredentials
from google.auth.aio.transport import Request as Transport
from google.auth.aio.transport.sessions import AsyncAuthorizedSession
from google.auth.transport import urllib3 as transport
from urllib3 import PoolManager

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say
from tests.safeguards.fork_guard.refusals import forked, try_all

fork_guard.install()
ADDRESS = "https://127.0.0.1:1/"


class Nowhere(Transport):
    """Sends nothing."""

    async def __call__(self, *args: object, **kwargs: object) -> Any:
        raise ConnectionError("not refused")

    async def close(self) -> None:
        pass


def get(session: Any) -> object:
    async def run() -> object:
        return await session.request("GET", ADDRESS)

    return asyncio.run(run())


async def make() -> Any:
    return AsyncAuthorizedSession(AnonymousCredentials(), Nowhere())


def new_request() -> Any:
    return transport.Request(PoolManager(retries=False))


http: Any = transport.AuthorizedHttp(AnonymousCredentials())
request = new_request()
session = asyncio.run(make())
try_all(
    {
        "http": lambda: http.urlopen("GET", ADDRESS),
        "request": lambda: request(ADDRESS),
        "session": lambda: get(session),
    }
)
say("own request", forked(lambda: new_request()(ADDRESS)))
say("own session", forked(lambda: get(asyncio.run(make()))))
