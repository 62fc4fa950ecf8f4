"""Keys of service accounts."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from google.api_core import exceptions
from google.cloud import iam_admin_v1
from google.oauth2 import service_account
from google.rpc import error_details_pb2

IAM = iam_admin_v1.IAMClient
Account = iam_admin_v1.ServiceAccount
KeyType = iam_admin_v1.ListServiceAccountKeysRequest.KeyType
PublicType = iam_admin_v1.ServiceAccountPublicKeyType
PrivateType = iam_admin_v1.ServiceAccountPrivateKeyType
Algorithm = iam_admin_v1.ServiceAccountKeyAlgorithm


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Return a self-signed certificate that a user would upload."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mine")])
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=5000))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def test_a_new_account_has_one_system_key(admin: IAM, account: Account) -> None:
    """It is managed by the system, has a start and an end, and holds no private part."""
    (key,) = admin.list_service_account_keys(name=account.name, timeout=10).keys
    assert key.key_type == KeyType.SYSTEM_MANAGED
    assert key.key_origin == iam_admin_v1.ServiceAccountKeyOrigin.GOOGLE_PROVIDED
    assert key.valid_after_time <= datetime.now(timezone.utc) < key.valid_before_time
    assert not key.private_key_data


def test_a_created_key_is_a_credentials_file(
    admin: IAM, account: Account, raw: Callable[..., bytes]
) -> None:
    """google-auth loads it, and a call signed with it is accepted."""
    key = admin.create_service_account_key(name=account.name, timeout=10)
    content = json.loads(key.private_key_data)
    assert key.name == f"{account.name}/keys/{content['private_key_id']}"
    assert key.private_key_type == PrivateType.TYPE_GOOGLE_CREDENTIALS_FILE
    assert (content["client_email"], content["type"]) == (account.email, "service_account")
    loaded = service_account.Credentials.from_service_account_info(content)
    with IAM(credentials=loaded) as client:
        assert client.get_service_account(name=account.name, timeout=10) == account


def test_list_and_get_never_show_a_private_key(admin: IAM, account: Account) -> None:
    """The public part only when it is asked for, and only by get."""
    created = admin.create_service_account_key(name=account.name, timeout=10)
    request = {"name": account.name, "key_types": [KeyType.USER_MANAGED]}
    listed = admin.list_service_account_keys(request=request, timeout=10).keys
    got = admin.get_service_account_key(name=created.name, timeout=10)
    assert list(listed) == [got]
    assert (got.private_key_data, got.public_key_data) == (b"", b"")


@pytest.mark.parametrize("kind", ["user", "system"])
def test_both_forms_of_a_public_key_agree(admin: IAM, account: Account, kind: str) -> None:
    """The raw key is the one in the certificate, and that of the private key."""
    if kind == "user":
        created = admin.create_service_account_key(name=account.name, timeout=10)
        name = created.name
    else:
        name = admin.list_service_account_keys(name=account.name, timeout=10).keys[0].name
    raw, pem = (
        admin.get_service_account_key(
            request={"name": name, "public_key_type": form}, timeout=10
        ).public_key_data
        for form in (PublicType.TYPE_RAW_PUBLIC_KEY, PublicType.TYPE_X509_PEM_FILE)
    )
    expected = serialization.load_pem_public_key(raw)
    assert x509.load_pem_x509_certificate(pem).public_key() == expected
    if kind == "user":
        private = json.loads(created.private_key_data)["private_key"].encode()
        assert serialization.load_pem_private_key(private, None).public_key() == expected


def test_a_pkcs12_key_opens_with_the_documented_password(admin: IAM, account: Account) -> None:
    """`notasecret` opens it."""
    key = admin.create_service_account_key(
        request={"name": account.name, "private_key_type": PrivateType.TYPE_PKCS12_FILE}, timeout=10
    )
    private, found, _ = pkcs12.load_key_and_certificates(key.private_key_data, b"notasecret")
    assert isinstance(private, rsa.RSAPrivateKey)
    assert found is not None
    assert found.public_key() == private.public_key()


def test_the_size_of_a_key_can_be_chosen(admin: IAM, account: Account) -> None:
    """1024 bits on request, 2048 otherwise."""
    small = admin.create_service_account_key(
        request={"name": account.name, "key_algorithm": Algorithm.KEY_ALG_RSA_1024}, timeout=10
    )
    usual = admin.create_service_account_key(name=account.name, timeout=10)
    assert small.key_algorithm == Algorithm.KEY_ALG_RSA_1024
    assert usual.key_algorithm == Algorithm.KEY_ALG_RSA_2048


def test_an_account_holds_ten_user_keys(admin: IAM, account: Account) -> None:
    """The eleventh is RESOURCE_EXHAUSTED with a RetryInfo; after a deletion there is room."""
    made = [
        admin.create_service_account_key(
            request={"name": account.name, "key_algorithm": Algorithm.KEY_ALG_RSA_1024}, timeout=10
        )
        for _ in range(10)
    ]
    with pytest.raises(exceptions.ResourceExhausted) as caught:
        admin.create_service_account_key(name=account.name, timeout=10)
    (detail,) = caught.value.details
    assert isinstance(detail, error_details_pb2.RetryInfo)
    assert detail.retry_delay.seconds == 86401
    admin.delete_service_account_key(name=made[0].name, timeout=10)
    admin.create_service_account_key(name=account.name, timeout=10)


def test_an_uploaded_key_is_the_users(admin: IAM, account: Account) -> None:
    """Its origin, its times and its public part are those of the certificate."""
    key = rsa.generate_private_key(65537, 2048)
    pem = certificate(key)
    request = {"name": account.name, "public_key_data": pem}
    uploaded = admin.upload_service_account_key(request=request, timeout=10)
    assert uploaded.key_origin == iam_admin_v1.ServiceAccountKeyOrigin.USER_PROVIDED
    assert uploaded.valid_after_time == datetime(2026, 1, 1, tzinfo=timezone.utc)
    got = admin.get_service_account_key(
        request={"name": uploaded.name, "public_key_type": PublicType.TYPE_X509_PEM_FILE},
        timeout=10,
    )
    assert got.public_key_data == pem
    with pytest.raises(exceptions.AlreadyExists):
        admin.upload_service_account_key(request=request, timeout=10)


def test_an_uploaded_key_signs_for_its_account(admin: IAM, account: Account) -> None:
    """A credentials file that the user wrote with the own private key is accepted."""
    key = rsa.generate_private_key(65537, 2048)
    uploaded = admin.upload_service_account_key(
        request={"name": account.name, "public_key_data": certificate(key)}, timeout=10
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    loaded = service_account.Credentials.from_service_account_info(
        {
            "client_email": account.email,
            "private_key": private.decode(),
            "private_key_id": uploaded.name.rpartition("/")[2],
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )
    with IAM(credentials=loaded) as client:
        assert client.get_service_account(name=account.name, timeout=10) == account


@pytest.mark.parametrize("data", [b"", b"nonsense", "elliptic"])
def test_only_an_rsa_certificate_can_be_uploaded(
    admin: IAM, account: Account, data: bytes | str
) -> None:
    """Anything else is INVALID_ARGUMENT."""
    if data == "elliptic":
        data = certificate(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(exceptions.InvalidArgument):
        admin.upload_service_account_key(
            request={"name": account.name, "public_key_data": data}, timeout=10
        )


def test_a_disabled_key_proves_nothing(admin: IAM, account: Account) -> None:
    """Disabled: UNAUTHENTICATED, though the token was accepted before. Enabled: accepted again."""
    key = admin.create_service_account_key(name=account.name, timeout=10)
    info = json.loads(key.private_key_data)
    with IAM(credentials=service_account.Credentials.from_service_account_info(info)) as client:
        client.get_service_account(name=account.name, timeout=10)
        admin.disable_service_account_key(name=key.name, timeout=10)
        assert admin.get_service_account_key(name=key.name, timeout=10).disabled is True
        with pytest.raises(exceptions.Unauthenticated):
            client.get_service_account(name=account.name, timeout=10)
        admin.enable_service_account_key(name=key.name, timeout=10)
        client.get_service_account(name=account.name, timeout=10)
        admin.delete_service_account_key(name=key.name, timeout=10)
        with pytest.raises(exceptions.Unauthenticated):
            client.get_service_account(name=account.name, timeout=10)


def test_a_missing_key_is_not_found(admin: IAM, account: Account) -> None:
    """By get, delete, disable and enable; a name of another form is INVALID_ARGUMENT."""
    for name, error in (
        (f"{account.name}/keys/{'0' * 40}", exceptions.NotFound),
        (account.name, exceptions.InvalidArgument),
    ):
        for call in (
            admin.get_service_account_key,
            admin.delete_service_account_key,
            admin.disable_service_account_key,
            admin.enable_service_account_key,
        ):
            with pytest.raises(error):
                call(name=name, timeout=10)


def test_the_systems_key_cannot_be_deleted(admin: IAM, account: Account) -> None:
    """It is the system's: FAILED_PRECONDITION."""
    (key,) = admin.list_service_account_keys(name=account.name, timeout=10).keys
    with pytest.raises(exceptions.FailedPrecondition):
        admin.delete_service_account_key(name=key.name, timeout=10)


@pytest.mark.parametrize(
    "types",
    [[KeyType.KEY_TYPE_UNSPECIFIED], [KeyType.USER_MANAGED, KeyType.USER_MANAGED]],
)
def test_key_types_are_named_once(admin: IAM, account: Account, types: list[KeyType]) -> None:
    """An unspecified type and a repeated one are INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.list_service_account_keys(name=account.name, key_types=types, timeout=10)


def test_keys_return_with_an_undeleted_account(admin: IAM, account: Account) -> None:
    """Undelete brings the keys back."""
    key = admin.create_service_account_key(name=account.name, timeout=10)
    admin.delete_service_account(name=account.name, timeout=10)
    name = f"projects/-/serviceAccounts/{account.unique_id}"
    admin.undelete_service_account(request={"name": name}, timeout=10)
    assert admin.get_service_account_key(name=key.name, timeout=10).name == key.name
