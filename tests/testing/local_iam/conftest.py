"""Clients of the local IAM, and accounts made for one test."""

import os
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, cast

import grpc
import pytest
from google.cloud import iam_admin_v1, iam_credentials_v1

from recipes.testing.local_iam import LocalIAM, LocalIAMControl

ADMIN_HOST = "iam.googleapis.com:443"
CREDENTIALS_HOST = "iamcredentials.googleapis.com:443"
Client = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def local_iam_process() -> Iterator[LocalIAM]:
    """Run a local IAM for these tests alone: the accounts that they make are nobody else's."""
    with LocalIAM() as local_iam:
        yield local_iam


@pytest.fixture(scope="module")
def client_environment(local_iam_process: LocalIAM) -> Iterator[None]:
    """Set the environment for the clients that the tests of a module share, and no longer."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_iam_process.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def shared_admin(client_environment: None) -> Iterator[iam_admin_v1.IAMClient]:
    """Keep one admin client for the tests of a module."""
    with iam_admin_v1.IAMClient() as client:
        yield client


@pytest.fixture(scope="module")
def shared_credentials(
    client_environment: None,
) -> Iterator[iam_credentials_v1.IAMCredentialsClient]:
    """Keep one credentials client for the tests of a module."""
    with iam_credentials_v1.IAMCredentialsClient() as client:
        yield client


@pytest.fixture
def admin(local_iam: LocalIAM, shared_admin: iam_admin_v1.IAMClient) -> iam_admin_v1.IAMClient:
    """Give a test the admin client."""
    return shared_admin


@pytest.fixture
def credentials(
    local_iam: LocalIAM, shared_credentials: iam_credentials_v1.IAMCredentialsClient
) -> iam_credentials_v1.IAMCredentialsClient:
    """Give a test the credentials client."""
    return shared_credentials


@pytest.fixture
def project(local_iam: LocalIAM) -> str:
    """Return the resource name of the project."""
    return f"projects/{local_iam.project}"


@pytest.fixture
def new_id() -> str:
    """Return an account id that no other test uses."""
    return f"test-{secrets.token_hex(8)}"


@pytest.fixture
def account(
    admin: iam_admin_v1.IAMClient, project: str, new_id: str
) -> iam_admin_v1.ServiceAccount:
    """Create a service account for one test."""
    return admin.create_service_account(name=project, account_id=new_id, timeout=10)


@pytest.fixture
def wild(account: iam_admin_v1.ServiceAccount) -> str:
    """Return the name of the test's account with the project wildcard."""
    return f"projects/-/serviceAccounts/{account.email}"


@pytest.fixture(scope="module")
def raw(client_environment: None) -> Iterator[Callable[..., bytes]]:
    """Call a path with any bearer token: `raw(path, message, authorization)`."""
    channels = {
        host: grpc.secure_channel(host, grpc.ssl_channel_credentials())
        for host in (ADMIN_HOST, CREDENTIALS_HOST)
    }

    def call(path: str, message: bytes, authorization: str | None) -> bytes:
        host = CREDENTIALS_HOST if "credentials" in path else ADMIN_HOST
        metadata = [] if authorization is None else [("authorization", authorization)]
        stub = cast(Any, channels[host]).unary_unary(path)
        return cast(bytes, stub(message, timeout=10, metadata=metadata))

    yield call
    for channel in channels.values():
        channel.close()


@pytest.fixture
def client() -> Client:
    """Run Python code in a new interpreter against a local IAM."""

    def run(code: str, local_iam: LocalIAMControl) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, **local_iam.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
