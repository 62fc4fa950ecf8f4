"""A right suite for trials of the pytest plugin: each account of standard input is a test."""

import os
import sys

import pytest
from google.cloud import iam_credentials_v1

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EMAILS = sys.stdin.read().split()


def mint(client: iam_credentials_v1.IAMCredentialsClient, email: str) -> str:
    name = f"projects/-/serviceAccounts/{email}"
    token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
    return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC"


@pytest.mark.parametrize("email", EMAILS)
def test_child_mints_with_a_client_of_its_own(email: str) -> None:
    """The parent has no call in flight when it forks, and leaves no client open."""
    with iam_credentials_v1.IAMCredentialsClient() as client:
        mint(client, email)
        if (pid := os.fork()) == 0:
            with iam_credentials_v1.IAMCredentialsClient() as own:
                os.write(1, f"{email}\t{mint(own, email)}\n".encode())
            os._exit(0)
        assert os.waitpid(pid, 0) == (pid, 0)
