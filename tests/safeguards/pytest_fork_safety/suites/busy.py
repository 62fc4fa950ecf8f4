"""Forks workers for a client that eight threads use."""

import os
from multiprocessing import get_context

import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsClient

from tests.safeguards.attacks import Busy
from tests.safeguards.pytest_fork_safety.calls import sign

forks: list[int] = []
os.register_at_fork(before=lambda: forks.append(1))


def test_busy() -> None:
    client = IAMCredentialsClient()
    with Busy(lambda: sign(client)):
        for _ in range(10):
            with (
                pytest.raises(RuntimeError, match="a fork while a gRPC call is in flight"),
                get_context("fork").Pool(1) as pool,
            ):
                pool.map(sign, [client])
    print("forks:", len(forks))
