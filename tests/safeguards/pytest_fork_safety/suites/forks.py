"""Forks amid a call, of every kind, from everywhere."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

import grpc
import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsAsyncClient
from grpc.experimental import ChannelOptions

from tests.safeguards.attacks import stream_server
from tests.safeguards.pytest_fork_safety.calls import (
    call_in_flight,
    control,
    fork,
    future_in_flight,
    in_thread,
    sign,
    sign_async,
)

SINGLE_THREADED = [(ChannelOptions.SingleThreadedUnaryStream, 1)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with stream_server() as address:
        yield address


@pytest.fixture
def fixture_that_forks() -> None:
    with future_in_flight():
        fork()


def test_fork() -> None:
    with call_in_flight():
        fork()


def test_pool() -> None:
    with call_in_flight() as client, get_context("fork").Pool(2) as pool:
        pool.map(sign, [client, client])


def test_future() -> None:
    with future_in_flight():
        fork()


def test_stream(address: str) -> None:
    channel: Any
    with grpc.insecure_channel(address) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        fork()


def test_single_threaded_stream(address: str) -> None:
    channel: Any
    with grpc.insecure_channel(address, SINGLE_THREADED) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        fork()


def test_async() -> None:
    control.slow(60, method="sign_blob")

    async def main() -> None:
        async with IAMCredentialsAsyncClient() as client:
            call = asyncio.ensure_future(sign_async(client))
            while not control.observe().most_in_flight:
                await asyncio.sleep(0.01)
            try:
                fork()
            finally:
                call.cancel()

    control.forget()
    try:
        asyncio.run(main())
    finally:
        control.heal()


def test_fork_in_thread() -> None:
    with call_in_flight():
        in_thread(fork)


def test_preexec_fn() -> None:
    with call_in_flight():
        subprocess.run([sys.executable, "-c", ""], check=True, preexec_fn=lambda: None)


def test_forkpty() -> None:
    with call_in_flight():
        pid, terminal = os.forkpty()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_error_is_swallowed() -> None:
    with call_in_flight(), suppress(Exception):
        fork()


@pytest.mark.usefixtures("fixture_that_forks")
def test_fixture() -> None:
    pass
