"""What the suites that try the pytest plugin share: calls that are in flight, and forks."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import google.auth
import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsClient
from google.cloud.iam_credentials_v1.types import SignBlobRequest

from recipes.testing.local_iam import LocalIAMControl

credentials: Any = google.auth.default()[0]
NAME = f"projects/-/serviceAccounts/{credentials.service_account_email}"
REQUEST = SignBlobRequest(name=NAME, payload=b"text")
control = LocalIAMControl.from_environment()
gc.freeze()  # the plugin collects again and again; it need not look through what is imported


def sign(client: Any) -> Any:
    return client.sign_blob(name=NAME, payload=b"text", timeout=60)


async def sign_async(client: Any) -> Any:
    return await client.sign_blob(name=NAME, payload=b"text", timeout=60)


def future_of(client: Any) -> Any:
    """Start a call that names its account as the client's own method does."""
    account = [("x-goog-request-params", f"name={NAME}")]
    return client.transport.sign_blob.future(REQUEST, metadata=account, timeout=60)


def fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)


def in_thread(use: Callable[..., object], *args: object) -> None:
    """Call in a thread, and wait for it."""
    thread = threading.Thread(target=use, args=args)
    thread.start()
    thread.join()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def call_arrives() -> None:
    """Wait until the local IAM has a call, since it was told to forget."""
    wait_until(lambda: control.observe().most_in_flight)


@contextmanager
def call_in_flight() -> Iterator[IAMCredentialsClient]:
    """Have a thread in a call that does not end before the block does."""
    control.forget()
    control.slow(60, method="sign_blob")

    def call() -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a closed channel makes of it
            sign(client)

    with IAMCredentialsClient() as client:
        thread = threading.Thread(target=call, name="caller")
        thread.start()
        call_arrives()
        try:
            yield client
        finally:
            client.transport.close()
            thread.join()
            control.heal()


@contextmanager
def future_in_flight() -> Iterator[None]:
    """Have a future that is not done before the block is."""
    control.slow(60, method="sign_blob")
    with IAMCredentialsClient() as client:
        future = future_of(client)
        yield
        assert not future.done()
    control.heal()
