"""Tests and fixtures that leave a client open."""

import asyncio
import threading
import unittest
from functools import lru_cache
from typing import Any

import grpc
import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsAsyncClient, IAMCredentialsClient

from tests.safeguards.pytest_fork_safety.calls import sign

left: dict[str, Any] = {}


@pytest.fixture(scope="class")
def client_of_class() -> None:
    left["class"] = IAMCredentialsClient()


@pytest.fixture(scope="module")
def client_of_module() -> None:
    left["module"] = IAMCredentialsClient()


@lru_cache
def cached() -> IAMCredentialsClient:
    return IAMCredentialsClient()


def test_global() -> None:
    left["global"] = IAMCredentialsClient()


def test_cached() -> None:
    sign(cached())


def test_stub() -> None:
    channel: Any = grpc.insecure_channel("127.0.0.1:1")
    left["stub"] = channel.unary_unary("/any/any")


def test_raw_channel() -> None:
    left["channel"] = grpc.insecure_channel("127.0.0.1:1")


def wait_with(_: IAMCredentialsClient) -> None:
    threading.Event().wait()


def test_thread() -> None:
    threading.Thread(target=wait_with, args=(IAMCredentialsClient(),), daemon=True).start()


def test_async() -> None:
    async def main() -> None:
        left["async"] = IAMCredentialsAsyncClient()

    asyncio.run(main())


@pytest.mark.usefixtures("client_of_class")
class TestClass:
    """Its last test is the last that used the client."""

    def test_not_to_blame(self) -> None:
        pass

    def test_last_of_class(self) -> None:
        pass


class TestUnit(unittest.TestCase):
    """Makes a client for all its tests."""

    client: IAMCredentialsClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = IAMCredentialsClient()

    def test_call(self) -> None:
        sign(self.client)


def test_fails_anyway() -> None:
    left["failing"] = IAMCredentialsClient()
    assert not left["failing"]


@pytest.mark.usefixtures("client_of_module")
def test_not_to_blame() -> None:
    pass


@pytest.mark.usefixtures("client_of_module")
def test_last_of_module() -> None:
    pass
