"""The credentials service: tokens and signatures that verify."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api_core import exceptions
from google.auth.transport.requests import Request
from google.cloud import iam_admin_v1, iam_credentials_v1
from google.oauth2 import id_token
from google.protobuf import duration_pb2

from recipes.testing.local_iam import LocalIAM

IAM = iam_admin_v1.IAMClient
Credentials = iam_credentials_v1.IAMCredentialsClient
Account = iam_admin_v1.ServiceAccount
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]


def public_key(admin: IAM, account: Account, key_id: str) -> RSAPublicKey:
    """Return a public key that the service lists."""
    raw = iam_admin_v1.ServiceAccountPublicKeyType.TYPE_RAW_PUBLIC_KEY
    key = admin.get_service_account_key(
        request={"name": f"{account.name}/keys/{key_id}", "public_key_type": raw}, timeout=10
    )
    loaded = load_pem_public_key(key.public_key_data)
    assert isinstance(loaded, RSAPublicKey)
    return loaded


def test_an_access_token_lives_for_an_hour_unless_told(credentials: Credentials, wild: str) -> None:
    """Without a lifetime 3600 s, with one what it says."""
    for lifetime, seconds in ((None, 3600), (duration_pb2.Duration(seconds=60), 60)):
        response = credentials.generate_access_token(
            name=wild, scope=SCOPE, lifetime=lifetime, timeout=10
        )
        rest = response.expire_time - datetime.now(timezone.utc)
        assert timedelta(seconds=seconds - 30) < rest <= timedelta(seconds=seconds)


def test_two_access_tokens_differ(credentials: Credentials, wild: str) -> None:
    """Each call makes a new token."""
    made = {
        credentials.generate_access_token(name=wild, scope=SCOPE, timeout=10).access_token
        for _ in range(3)
    }
    assert len(made) == 3


@pytest.mark.parametrize("seconds", [3601, 0, -1])
def test_a_lifetime_above_an_hour_is_invalid(
    credentials: Credentials, wild: str, seconds: int
) -> None:
    """So are zero and a negative one."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.generate_access_token(
            name=wild, scope=SCOPE, lifetime=duration_pb2.Duration(seconds=seconds), timeout=10
        )


@pytest.mark.parametrize("scope", [[], [""], [SCOPE[0], " "]])
def test_an_access_token_needs_a_scope(
    credentials: Credentials, wild: str, scope: list[str]
) -> None:
    """No scope and an empty one are INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.generate_access_token(name=wild, scope=scope, timeout=10)


def test_a_project_in_the_name_is_invalid(credentials: Credentials, account: Account) -> None:
    """The wildcard is required, for the account and for delegates."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.generate_access_token(name=account.name, scope=SCOPE, timeout=10)
    with pytest.raises(exceptions.InvalidArgument):
        credentials.generate_access_token(
            name=f"projects/-/serviceAccounts/{account.email}",
            delegates=[account.name],
            scope=SCOPE,
            timeout=10,
        )


def test_delegates_must_exist(credentials: Credentials, wild: str) -> None:
    """A chain over an existing account works, over a missing one it is NOT_FOUND."""
    credentials.generate_access_token(name=wild, delegates=[wild], scope=SCOPE, timeout=10)
    with pytest.raises(exceptions.NotFound):
        credentials.generate_access_token(
            name=wild, delegates=["projects/-/serviceAccounts/1"], scope=SCOPE, timeout=10
        )


def calls(credentials: Credentials, name: str) -> list[Any]:
    """Return a call of each of the four methods."""
    return [
        lambda: credentials.generate_access_token(name=name, scope=SCOPE, timeout=10),
        lambda: credentials.generate_id_token(name=name, audience="a", timeout=10),
        lambda: credentials.sign_blob(name=name, payload=b"x", timeout=10),
        lambda: credentials.sign_jwt(name=name, payload="{}", timeout=10),
    ]


def test_a_missing_account_is_not_found(credentials: Credentials) -> None:
    """By all four methods."""
    for call in calls(credentials, "projects/-/serviceAccounts/nobody@nowhere.example"):
        with pytest.raises(exceptions.NotFound):
            call()


def test_a_disabled_account_gives_nothing(
    admin: IAM, credentials: Credentials, account: Account, wild: str
) -> None:
    """Disabled: PERMISSION_DENIED with an ErrorInfo. Enabled again: all four methods work."""
    admin.disable_service_account(request={"name": account.name}, timeout=10)
    for call in calls(credentials, wild):
        with pytest.raises(exceptions.PermissionDenied) as caught:
            call()
        assert caught.value.reason == "IAM_PERMISSION_DENIED"
    admin.enable_service_account(request={"name": account.name}, timeout=10)
    for call in calls(credentials, wild):
        call()


def test_a_signed_blob_verifies(
    admin: IAM, credentials: Credentials, account: Account, wild: str
) -> None:
    """With the public key of the key id that came with it."""
    response = credentials.sign_blob(name=wild, payload=b"some bytes", timeout=10)
    public_key(admin, account, response.key_id).verify(
        response.signed_blob, b"some bytes", padding.PKCS1v15(), hashes.SHA256()
    )


def test_a_signed_jwt_verifies(
    admin: IAM, credentials: Credentials, account: Account, wild: str
) -> None:
    """Its payload is the one that was sent."""
    claims = {"sub": "user@example.com", "exp": int(time.time()) + 600, "aud": "me"}
    response = credentials.sign_jwt(name=wild, payload=json.dumps(claims), timeout=10)
    key = public_key(admin, account, response.key_id)
    assert jwt.decode(response.signed_jwt, key, ["RS256"], audience="me") == claims
    assert jwt.get_unverified_header(response.signed_jwt)["kid"] == response.key_id


@pytest.mark.parametrize(
    "payload",
    ["", "nonsense", "[1]", '{"exp": "soon"}', '{"exp": true}', '{"exp": 1}', '{"exp": 9e9}'],
)
def test_a_bad_payload_is_invalid(credentials: Credentials, wild: str, payload: str) -> None:
    """A JWT payload is a JSON object whose exp is within 12 hours."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.sign_jwt(name=wild, payload=payload, timeout=10)


def test_an_expiry_after_13_hours_is_invalid(credentials: Credentials, wild: str) -> None:
    """12 hours are the limit."""
    for hours, error in ((11, None), (13, exceptions.InvalidArgument)):
        payload = json.dumps({"exp": int(time.time()) + hours * 3600})
        if error is None:
            credentials.sign_jwt(name=wild, payload=payload, timeout=10)
        else:
            with pytest.raises(error):
                credentials.sign_jwt(name=wild, payload=payload, timeout=10)


def test_an_empty_blob_is_invalid(credentials: Credentials, wild: str) -> None:
    """There is nothing to sign."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.sign_blob(name=wild, payload=b"", timeout=10)


@pytest.mark.parametrize("include_email", [False, True])
def test_an_id_token_verifies_as_a_service_would(
    credentials: Credentials, account: Account, wild: str, include_email: bool
) -> None:
    """google-auth fetches the certificates from the usual address and accepts the token."""
    response = credentials.generate_id_token(
        name=wild, audience="https://example.com", include_email=include_email, timeout=10
    )
    claims = id_token.verify_oauth2_token(response.token, Request(), audience="https://example.com")
    assert claims["sub"] == account.unique_id
    assert claims.get("email") == (account.email if include_email else None)


def test_an_id_token_needs_an_audience(credentials: Credentials, wild: str) -> None:
    """Without one it is INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        credentials.generate_id_token(name=wild, audience="", timeout=10)


@pytest.mark.filterwarnings("ignore:IAMClient.sign_:DeprecationWarning")
def test_the_deprecated_methods_sign_too(admin: IAM, account: Account) -> None:
    """sign_blob and sign_jwt of the admin service; a JWT without exp gets one hour."""
    blob = admin.sign_blob(name=account.name, bytes_to_sign=b"b", timeout=10)
    key = public_key(admin, account, blob.key_id)
    key.verify(blob.signature, b"b", padding.PKCS1v15(), hashes.SHA256())
    signed = admin.sign_jwt(name=account.name, payload='{"sub": "s"}', timeout=10)
    claims = jwt.decode(signed.signed_jwt, key, ["RS256"])
    assert claims["sub"] == "s"
    assert 3500 < claims["exp"] - time.time() <= 3600


def test_the_credentials_client_speaks_rest_too(local_iam: LocalIAM, wild: str) -> None:
    """The transport that uses HTTPS reaches the same service through the same tunnel."""
    with Credentials(transport="rest") as client:
        assert client.generate_access_token(name=wild, scope=SCOPE, timeout=10).access_token
        assert client.sign_blob(name=wild, payload=b"x", timeout=10).signed_blob
        with pytest.raises(exceptions.BadRequest):
            client.generate_access_token(name=wild, scope=[], timeout=10)
        with pytest.raises(exceptions.NotFound):
            client.sign_blob(name="projects/-/serviceAccounts/1", payload=b"x", timeout=10)
    assert local_iam.observe().calls["SignBlob"] == 2
