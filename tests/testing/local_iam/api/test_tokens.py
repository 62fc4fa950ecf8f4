"""Bearer tokens: which are accepted, and which are not."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.cloud import iam_admin_v1, iam_credentials_v1
from google.oauth2.credentials import Credentials as TokenCredentials
from google.protobuf import duration_pb2

from recipes.testing.local_iam import LocalIAM

IAM = iam_admin_v1.IAMClient
Credentials = iam_credentials_v1.IAMCredentialsClient
Account = iam_admin_v1.ServiceAccount
Raw = Callable[..., bytes]
PATH = "/google.iam.admin.v1.IAM/ListServiceAccounts"
AUDIENCE = "https://iam.googleapis.com/"
NESTED = base64.urlsafe_b64encode(b"[" * 2100).decode()
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture
def key_file(local_iam: LocalIAM) -> dict[str, str]:
    """Return the content of the run's key file."""
    path = Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"])
    content: dict[str, str] = json.loads(path.read_text())
    return content


@pytest.fixture
def sign(key_file: dict[str, str]) -> Callable[..., str]:
    """Make a bearer JWT like google-auth's: `sign(claim=value, ...)`; None leaves a claim out."""

    def make(*, key: Any = None, kid: str | None = None, **changes: Any) -> str:
        email = key_file["client_email"]
        start = int(time.time())
        claims = {"iss": email, "sub": email, "aud": AUDIENCE, "iat": start, "exp": start + 3600}
        claims |= changes
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": key_file["private_key_id"] if kid is None else kid}
        return jwt.encode(claims, key or key_file["private_key"], "RS256", headers)

    return make


@pytest.fixture
def call(raw: Raw, local_iam: LocalIAM) -> Callable[[str | None], grpc.StatusCode]:
    """List the accounts with an authorization header; return the status code."""
    request = iam_admin_v1.ListServiceAccountsRequest(name=f"projects/{local_iam.project}")

    def code(authorization: str | None) -> grpc.StatusCode:
        try:
            raw(PATH, iam_admin_v1.ListServiceAccountsRequest.serialize(request), authorization)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    return code


Call = Callable[[str | None], grpc.StatusCode]
Sign = Callable[..., str]


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": "https://iam.googleapis.com"},
        {"aud": None, "scope": PLATFORM},
    ],
)
def test_a_jwt_of_the_runs_key_is_accepted(call: Call, sign: Sign, claims: dict[str, Any]) -> None:
    """It names the service as its audience, or its scope."""
    assert call(f"Bearer {sign(**claims)}") == grpc.StatusCode.OK


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://iamcredentials.googleapis.com/"},
        {"aud": "https://storage.googleapis.com/"},
        {"aud": [AUDIENCE]},
        {"aud": None},
        {"aud": None, "scope": "https://www.googleapis.com/auth/devstorage.read_only"},
        {"exp": 1, "iat": 0},
        {"exp": None},
        {"iat": None},
        {"exp": 2**40},
        {"iat": 2**40, "exp": 2**40 + 1},
        {"exp": "soon"},
        {"exp": "9999999999"},
        {"iat": "1"},
        {"exp": 9999999999.5},
        {"exp": [9999999999]},
        {"nbf": float("inf")},
        {"aud": "\ud800"},
        {"iss": None},
        {"iss": "nobody@example.com"},
        {"sub": "worker-001@iam-cookbook.iam.gserviceaccount.com"},
        {"nbf": 2**40},
    ],
)
def test_a_jwt_with_a_wrong_claim_proves_nothing(
    call: Call, sign: Sign, claims: dict[str, Any]
) -> None:
    """Another audience, an expiry in the past or too far ahead, another issuer or subject."""
    assert call(f"Bearer {sign(**claims)}") == grpc.StatusCode.UNAUTHENTICATED


def test_a_jwt_of_two_hours_proves_nothing(call: Call, sign: Sign) -> None:
    """One of an hour is accepted, one that lives longer is not."""
    start = int(time.time())
    assert call(f"Bearer {sign(iat=start, exp=start + 3600)}") == grpc.StatusCode.OK
    assert call(f"Bearer {sign(iat=start, exp=start + 7200)}") == grpc.StatusCode.UNAUTHENTICATED


def test_a_jwt_of_another_key_proves_nothing(call: Call, sign: Sign) -> None:
    """The right claims and key id with a wrong signature, and the key id of nobody."""
    other = rsa.generate_private_key(65537, 2048)
    assert call(f"Bearer {sign(key=other)}") == grpc.StatusCode.UNAUTHENTICATED
    assert call(f"Bearer {sign(kid='0' * 40)}") == grpc.StatusCode.UNAUTHENTICATED


def test_the_account_of_a_jwt_is_that_of_its_key(
    call: Call, sign: Sign, local_iam: LocalIAM
) -> None:
    """The run's key does not speak for another account."""
    other = local_iam.service_accounts[0]
    assert call(f"Bearer {sign(iss=other, sub=other)}") == grpc.StatusCode.UNAUTHENTICATED


def test_another_algorithm_proves_nothing(call: Call, sign: Sign, key_file: dict[str, str]) -> None:
    """Neither `none` nor an HMAC with public text is a signature."""
    claims = jwt.decode(sign(), options={"verify_signature": False})
    headers = {"kid": key_file["private_key_id"]}
    nothing = jwt.encode(claims, "", "none", headers)
    hmac = jwt.encode(claims, key_file["client_email"] * 2, "HS256", headers)
    assert call(f"Bearer {nothing}") == grpc.StatusCode.UNAUTHENTICATED
    assert call(f"Bearer {hmac}") == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer garbage",
        "Bearer a.b.c",
        f"Bearer {NESTED}.{NESTED}.AAAA",
        "Bearer ya29.c.",
        "Bearer ya29.c.WyJhIl0.AAAA",
        "Bearer " + "A" * 6000,
    ],
)
def test_garbage_proves_nothing(call: Call, authorization: str | None) -> None:
    """Whatever it is."""
    assert call(authorization) == grpc.StatusCode.UNAUTHENTICATED


def test_an_access_token_is_a_bearer_token(
    credentials: Credentials, admin: IAM, account: Account, wild: str
) -> None:
    """It is accepted while its account is enabled, and acts for that account."""
    token = credentials.generate_access_token(name=wild, scope=[PLATFORM], timeout=10)
    role = {"role": "roles/iam.serviceAccountUser", "members": [f"serviceAccount:{account.email}"]}
    admin.set_iam_policy(
        request={"resource": account.name, "policy": {"bindings": [role]}}, timeout=10
    )
    ask: Any = {"resource": account.name, "permissions": ["iam.serviceAccounts.actAs"]}
    with IAM(credentials=TokenCredentials(token=token.access_token)) as client:
        assert client.test_iam_permissions(**ask, timeout=10).permissions == ask["permissions"]
        admin.disable_service_account(request={"name": account.name}, timeout=10)
        with pytest.raises(exceptions.Unauthenticated):
            client.test_iam_permissions(**ask, timeout=10)
        admin.enable_service_account(request={"name": account.name}, timeout=10)
        assert client.test_iam_permissions(**ask, timeout=10).permissions == ask["permissions"]


def test_an_access_token_expires(credentials: Credentials, wild: str, call: Call) -> None:
    """A token of one second is accepted, then it is not."""
    token = credentials.generate_access_token(
        name=wild, scope=[PLATFORM], lifetime=duration_pb2.Duration(seconds=1), timeout=10
    ).access_token
    deadline = time.monotonic() + 10
    while call(f"Bearer {token}") == grpc.StatusCode.OK:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert call(f"Bearer {token}") == grpc.StatusCode.UNAUTHENTICATED


def test_a_changed_access_token_proves_nothing(
    credentials: Credentials, wild: str, call: Call, local_iam: LocalIAM
) -> None:
    """The seal covers the account, the scopes and the expiry."""
    token = credentials.generate_access_token(name=wild, scope=[PLATFORM], timeout=10).access_token
    body, seal = token.removeprefix("ya29.c.").split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=="))
    for change in ([local_iam.caller, *content[1:]], [*content[:2], 2**40, content[3]]):
        forged = base64.urlsafe_b64encode(json.dumps(change).encode()).decode().rstrip("=")
        assert call(f"Bearer ya29.c.{forged}.{seal}") == grpc.StatusCode.UNAUTHENTICATED


def test_an_access_token_without_the_scope_is_denied(
    credentials: Credentials, wild: str, call: Call
) -> None:
    """A genuine token for storage alone is PERMISSION_DENIED."""
    token = credentials.generate_access_token(
        name=wild, scope=["https://www.googleapis.com/auth/devstorage.read_only"], timeout=10
    ).access_token
    assert call(f"Bearer {token}") == grpc.StatusCode.PERMISSION_DENIED
