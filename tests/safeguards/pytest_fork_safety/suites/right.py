"""What is safe: fixtures of every scope, every way to start others, every end of a call."""

import asyncio
import os
import subprocess
import sys
import unittest
from collections.abc import AsyncIterator, Iterator
from multiprocessing import get_context
from typing import Any

import grpc
import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsAsyncClient, IAMCredentialsClient
from grpc.experimental import ChannelOptions

from tests.safeguards.attacks import plugins, stream_server, wait_until_threads_rest
from tests.safeguards.pytest_fork_safety.calls import (
    NAME,
    call_in_flight,
    fork,
    future_of,
    in_thread,
    sign,
    sign_async,
    wait_until,
)

Client = IAMCredentialsClient
SINGLE_THREADED = [(ChannelOptions.SingleThreadedUnaryStream, 1)]


@pytest.fixture
def client() -> Client:
    return IAMCredentialsClient()


@pytest.fixture(scope="class")
def client_of_class() -> Iterator[Client]:
    with IAMCredentialsClient() as client:
        yield client


@pytest.fixture(scope="module")
def client_of_module() -> Iterator[Client]:
    with IAMCredentialsClient() as client:
        yield client


@pytest.fixture(scope="session")
def client_of_session() -> Client:
    return IAMCredentialsClient()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def async_client() -> AsyncIterator[IAMCredentialsAsyncClient]:
    async with IAMCredentialsAsyncClient() as client:
        yield client


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with stream_server() as address:
        yield address


def work(_: int) -> int:
    with IAMCredentialsClient() as client:
        return len(sign(client).signed_blob)


def test_fork_between_calls(client_of_session: Client) -> None:
    sign(client_of_session)
    fork()
    sign(client_of_session)


def test_pool_makes_clients(client_of_session: Client) -> None:
    sign(client_of_session)
    with get_context("fork").Pool(2) as pool:
        assert pool.map(work, [1, 2]) == [256, 256]


def test_closed() -> None:
    with IAMCredentialsClient() as client:
        sign(client)


def test_dropped() -> None:
    sign(IAMCredentialsClient())


def test_dropped_in_a_cycle() -> None:
    cycle: list[Any] = [IAMCredentialsClient()]
    cycle.append(cycle)
    sign(cycle[0])


def test_future_is_done() -> None:
    client = IAMCredentialsClient()
    assert future_of(client).result()
    fork()


def test_stream_is_dropped(address: str) -> None:
    channel: Any
    with grpc.insecure_channel(address) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        del stream
        fork()


def test_streams_are_done(address: str) -> None:
    channel: Any
    with grpc.insecure_channel(address, SINGLE_THREADED) as channel:
        assert [b"text"] == [*channel.stream_stream("/echo/each")(iter([b"text"]))]
        assert b"text" == channel.stream_unary("/echo/last")(iter([b"text"]))
        with pytest.raises(grpc.RpcError):
            [*channel.unary_stream("/echo/many")(b"text", timeout=0.5)]
        fork()


def test_closed_channel_ends_its_streams(address: str) -> None:
    channel: Any
    with grpc.insecure_channel(address, SINGLE_THREADED) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
    assert not sys.modules["pytest_fork_safety"].calls  # to fork now can freeze gRPC


def test_failed_call_has_ended() -> None:
    with IAMCredentialsClient() as client:
        with pytest.raises(Exception, match="404"):
            client.sign_blob(name=NAME + "x", payload=b"text", timeout=60)
        fork()


def test_client_of_fixture(client: Client) -> None:
    sign(client)


class TestClass:
    """Shares a client."""

    def test_one(self, client_of_class: Client) -> None:
        sign(client_of_class)

    def test_two(self, client_of_class: Client) -> None:
        sign(client_of_class)


class TestUnit(unittest.TestCase):
    """Has a client of its own, and closes it."""

    def setUp(self) -> None:
        self.client = IAMCredentialsClient()
        self.addCleanup(self.client.transport.close)

    def test_call(self) -> None:
        sign(self.client)
        fork()


def test_client_of_module(client_of_module: Client, client_of_session: Client) -> None:
    sign(client_of_module)
    sign(client_of_session)


def test_other_programs_during_a_call() -> None:
    with call_in_flight():
        subprocess.run([sys.executable, "-c", ""], check=True)
        pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods_during_a_call(method: str) -> None:
    with call_in_flight():
        process: Any = get_context(method).Process(target=print)  # type: ignore[attr-defined]
        process.start()
        process.join()
        assert 0 == process.exitcode


def test_fork_in_thread() -> None:
    in_thread(fork)


@pytest.mark.anyio
async def test_async(async_client: IAMCredentialsAsyncClient) -> None:
    await sign_async(async_client)


def references(held: list[Any]) -> int:
    """Count those to the one thing of a list, alike from wherever they are counted."""
    return sys.getrefcount(held[0])


def test_own_loop() -> None:
    others = plugins()

    async def main() -> tuple[Any, list[Any], int]:
        async with IAMCredentialsAsyncClient() as client:
            await sign_async(client)
            own = [plugin for plugin in plugins() if plugin not in others]
            return client, own, references(own)

    kept, own, before = asyncio.run(main())
    wait_until(lambda: references(own) < before)
    wait_until_threads_rest()
    fork()
    del kept


@pytest.mark.allow_fork_during_call
def test_fork_on_purpose() -> None:
    with call_in_flight():
        fork()


@pytest.mark.allow_open_client
def test_open_client_on_purpose() -> None:
    global left
    left = IAMCredentialsClient()


left: Client
