"""The token endpoint, the public keys, and what answers behind the tunnel."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from google.auth import iam, impersonated_credentials
from google.auth.transport.requests import Request
from google.cloud import iam_admin_v1, iam_credentials_v1
from google.oauth2 import service_account

from recipes.testing.local_iam import LocalIAM

IAM = iam_admin_v1.IAMClient
Credentials = iam_credentials_v1.IAMCredentialsClient
Account = iam_admin_v1.ServiceAccount
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def caller(local_iam: LocalIAM) -> service_account.Credentials:
    """Load the run's key file, as a client does."""
    path = local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]
    loaded: service_account.Credentials = service_account.Credentials.from_service_account_file(
        path, scopes=[PLATFORM]
    )
    return loaded


def key_file(local_iam: LocalIAM) -> dict[str, str]:
    """Return the content of the run's key file."""
    path = Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"])
    content: dict[str, str] = json.loads(path.read_text())
    return content


def test_old_clients_fetch_a_token(local_iam: LocalIAM, caller: Any) -> None:
    """The token of the token endpoint is a bearer token."""
    caller.refresh(Request())
    assert caller.token.startswith("ya29.")
    with IAM(credentials=caller) as client:
        client.list_service_accounts(name=f"projects/{local_iam.project}", timeout=10)


def test_token_requests_are_counted(local_iam: LocalIAM, caller: Any) -> None:
    """What comes to the token endpoint is no call, and begins anew when it is forgotten."""
    caller.refresh(Request())
    caller.refresh(Request())
    seen = local_iam.observe()
    local_iam.forget()

    assert (2, {}) == (seen.token_requests, seen.calls)
    assert 0 == local_iam.observe().token_requests


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": GRANT}, "invalid_grant"),
        ({"grant_type": GRANT, "assertion": "garbage"}, "invalid_grant"),
    ],
)
def test_the_token_endpoint_refuses(local_iam: LocalIAM, form: dict[str, str], error: str) -> None:
    """Another grant, no assertion, one that is none."""
    response = requests.post(key_file(local_iam)["token_uri"], form, timeout=10)
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://x"},
        {"aud": ["https://oauth2.googleapis.com/token"]},
        {"aud": {}},
        {"aud": None},
        {"exp": "9999999999"},
    ],
)
def test_the_token_endpoint_refuses_an_assertion(
    local_iam: LocalIAM, claims: dict[str, Any]
) -> None:
    """One for somebody else, for a list of audiences or for none, and one with a wrong expiry."""
    content = key_file(local_iam)
    start = int(time.time())
    good = {"iss": content["client_email"], "aud": content["token_uri"], "iat": start}
    all_claims = {**good, "exp": start + 60, **claims}
    headers = {"kid": content["private_key_id"]}
    assertion = jwt.encode(all_claims, content["private_key"], "RS256", headers)
    form = {"grant_type": GRANT, "assertion": assertion}
    response = requests.post(content["token_uri"], form, timeout=10)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_google_publishes_the_keys_of_id_tokens(credentials: Credentials, wild: str) -> None:
    """As certificates and as JSON Web Keys, at the usual addresses."""
    token = credentials.generate_id_token(name=wild, audience="me", timeout=10).token
    kid = jwt.get_unverified_header(token)["kid"]
    certificates = requests.get("https://www.googleapis.com/oauth2/v1/certs", timeout=10).json()
    key = x509.load_pem_x509_certificate(certificates[kid].encode()).public_key()
    jwt.decode(token, key, ["RS256"], audience="me")  # type: ignore[arg-type]
    keys = requests.get("https://www.googleapis.com/oauth2/v3/certs", timeout=10).json()["keys"]
    jwt.decode(token, jwt.PyJWK(keys[0]), ["RS256"], audience="me")


@pytest.mark.parametrize(
    "path",
    [
        "service_accounts/v1/metadata/x509/",
        "robot/v1/metadata/x509/",
        "service_accounts/v1/jwk/",
        "service_accounts/v1/metadata/jwk/",
    ],
)
def test_the_keys_of_an_account_are_published(
    admin: IAM, credentials: Credentials, account: Account, wild: str, path: str
) -> None:
    """The key that signs for the account is among them, and so are the user's."""
    created = admin.create_service_account_key(name=account.name, timeout=10)
    signed = credentials.sign_jwt(name=wild, payload='{"a": 1}', timeout=10)
    found = requests.get(f"https://www.googleapis.com/{path}{account.email}", timeout=10).json()
    if "x509" in path:
        certificate = x509.load_pem_x509_certificate(found[signed.key_id].encode())
        key: Any = certificate.public_key()
        assert created.name.rpartition("/")[2] in found
    else:
        key = next(jwt.PyJWK(each) for each in found["keys"] if each["kid"] == signed.key_id)
    assert jwt.decode(signed.signed_jwt, key, ["RS256"]) == {"a": 1}


def test_an_unknown_path_is_404(local_iam: LocalIAM) -> None:
    """So is the account that does not exist."""
    for path in ("nothing", "service_accounts/v1/metadata/x509/nobody@example.com"):
        response = requests.get(f"https://www.googleapis.com/{path}", timeout=10)
        assert response.status_code == 404


@pytest.mark.parametrize("target", [":fly", ":listServiceAccounts", "/fly", ""])
def test_an_unknown_method_of_rest_is_404(caller: Any, account: Account, target: str) -> None:
    """With a bearer token and without one."""
    caller.refresh(Request())
    base = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account.email}"
    for headers in ({}, {"authorization": f"Bearer {caller.token}"}):
        response = requests.post(f"{base}{target}", json={}, headers=headers, timeout=10)
        assert (response.status_code, response.json()["error"]["code"]) == (404, 404)


def test_impersonated_credentials_work(caller: Any, account: Account) -> None:
    """google-auth asks over REST for a token, a signature and an ID token."""
    borrowed = impersonated_credentials.Credentials(
        source_credentials=caller, target_principal=account.email, target_scopes=[PLATFORM]
    )
    borrowed.refresh(Request())
    with IAM(credentials=borrowed) as client:
        assert client.get_service_account(name=account.name, timeout=10) == account
    assert len(borrowed.sign_bytes(b"x")) == 256
    token = impersonated_credentials.IDTokenCredentials(borrowed, target_audience="me")
    token.refresh(Request())
    claims = jwt.decode(str(token.token), options={"verify_signature": False})
    assert claims["sub"] == account.unique_id


def test_the_signer_of_google_auth_works(caller: Any, account: Account) -> None:
    """`google.auth.iam.Signer` signs over REST."""
    signer = iam.Signer(Request(), caller, account.email)
    assert len(signer.sign(b"some bytes")) == 256


@pytest.mark.parametrize("header", [None, "Bearer garbage"])
def test_rest_needs_a_bearer_token(account: Account, header: str | None) -> None:
    """Without one a method and the allowed locations are 401."""
    base = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account.email}"
    headers = {} if header is None else {"authorization": header}
    signed = requests.post(f"{base}:signBlob", json={"payload": "eA=="}, headers=headers, timeout=9)
    locations = requests.get(f"{base}/allowedLocations", headers=headers, timeout=9)
    assert (signed.status_code, locations.status_code) == (401, 401)
    assert signed.json()["error"]["status"] == "UNAUTHENTICATED"


def test_rest_answers_garbage_with_400(caller: Any, account: Account) -> None:
    """A body that is no JSON, and one with a field of the wrong type."""
    caller.refresh(Request())
    headers = {"authorization": f"Bearer {caller.token}"}
    base = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account.email}"
    for body in ("garbage", '{"payload": 1}', "[]"):
        response = requests.post(f"{base}:signBlob", data=body, headers=headers, timeout=10)
        assert response.status_code == 400
