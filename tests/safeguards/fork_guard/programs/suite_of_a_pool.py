"""A suite whose test forks workers that use its client."""

from multiprocessing import get_context

import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsClient

from recipes.safeguards.fork_guard import InheritedClientError
from tests.safeguards.attacks import sign

client: IAMCredentialsClient


def call(_: int) -> None:
    sign(client)


def test_pool() -> None:
    """A worker is refused the client that the test made."""
    global client
    with (
        IAMCredentialsClient() as client,
        get_context("fork").Pool(1) as pool,
        pytest.raises(InheritedClientError),
    ):
        pool.map(call, [1])
