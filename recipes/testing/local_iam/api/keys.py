"""Keys of service accounts: users' keys with real RSA pairs, and the one of the system."""

import json
import secrets
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import pkcs12
from google.cloud.iam_admin_v1.types import iam
from google.protobuf import empty_pb2

from .methods import ADMIN, Call, serves
from .names import account_of, key_name
from .rejections import (
    already_exists,
    exhausted,
    failed_precondition,
    invalid,
    not_found,
)
from .signing import SigningKey, certify, parse_certificate, public_pem
from .state import NEVER, Account, SystemKey, UserKey, now

MOST_KEYS = 10
DAY = 24 * 3600
SYSTEM_KEY_LIFE = timedelta(days=16)

Algorithm = iam.ServiceAccountKeyAlgorithm
KeyType = iam.ListServiceAccountKeysRequest.KeyType
Origin = iam.ServiceAccountKeyOrigin
PrivateType = iam.ServiceAccountPrivateKeyType
PublicType = iam.ServiceAccountPublicKeyType


def user_key(account: Account, key: UserKey) -> iam.ServiceAccountKey:
    """Return a user's key as the service shows it."""
    small = key.public_key.key_size == 1024
    return iam.ServiceAccountKey(
        name=f"{account.name}/keys/{key.key_id}",
        key_algorithm=Algorithm.KEY_ALG_RSA_1024 if small else Algorithm.KEY_ALG_RSA_2048,
        valid_after_time=key.valid_after,
        valid_before_time=key.valid_before,
        key_origin=Origin.USER_PROVIDED if key.uploaded else Origin.GOOGLE_PROVIDED,
        key_type=KeyType.USER_MANAGED,
        disabled=key.disabled,
    )


def system_key(account: Account, key: SystemKey) -> iam.ServiceAccountKey:
    """Return the system's key as the service shows it."""
    return iam.ServiceAccountKey(
        name=f"{account.name}/keys/{key.key_id}",
        key_algorithm=Algorithm.KEY_ALG_RSA_2048,
        valid_after_time=key.valid_after,
        valid_before_time=key.valid_after + SYSTEM_KEY_LIFE,
        key_origin=Origin.GOOGLE_PROVIDED,
        key_type=KeyType.SYSTEM_MANAGED,
    )


@serves(ADMIN)
def list_service_account_keys(
    call: Call, request: iam.ListServiceAccountKeysRequest
) -> iam.ListServiceAccountKeysResponse:
    types = list(request.key_types)
    if KeyType.KEY_TYPE_UNSPECIFIED in types or len(set(types)) < len(types):
        raise invalid("key_types", "Each key type must be specified, and none twice.")
    account = account_of(call.state, request.name, "iam.serviceAccountKeys.list")
    keys = [user_key(account, key) for key in account.keys.values()]
    keys.append(system_key(account, account.system_key))
    return iam.ListServiceAccountKeysResponse(
        keys=[key for key in keys if not types or key.key_type in types]
    )


@serves(ADMIN)
async def get_service_account_key(
    call: Call, request: iam.GetServiceAccountKeyRequest
) -> iam.ServiceAccountKey:
    owner, key_id = key_name(request.name)
    account = account_of(call.state, owner, "iam.serviceAccountKeys.get")
    if key_id == account.system_key.key_id:
        pair = await account.system_key.key()
        shown = system_key(account, account.system_key)
        public, certificate = pair.private_key.public_key(), pair.certificate
    else:
        held = users_key(account, key_id)
        shown = user_key(account, held)
        public, certificate = held.public_key, held.certificate
    if request.public_key_type == PublicType.TYPE_X509_PEM_FILE:
        shown.public_key_data = certificate
    elif request.public_key_type == PublicType.TYPE_RAW_PUBLIC_KEY:
        shown.public_key_data = public_pem(public)
    return shown


def users_key(account: Account, key_id: str) -> UserKey:
    """Return the user's key of this id."""
    if key_id == account.system_key.key_id:
        raise failed_precondition(f"Key {key_id} is managed by the system.")
    if key_id not in account.keys:
        raise not_found(f"Service account key {key_id} does not exist.")
    return account.keys[key_id]


@serves(ADMIN)
async def create_service_account_key(
    call: Call, request: iam.CreateServiceAccountKeyRequest
) -> iam.ServiceAccountKey:
    account = account_of(call.state, request.name, "iam.serviceAccountKeys.create")
    check_limit(account)
    bits = 1024 if request.key_algorithm == Algorithm.KEY_ALG_RSA_1024 else 2048
    pair, key = await make_user_key(account, bits)
    check_limit(account)
    account.keys[key.key_id] = key
    created = user_key(account, key)
    kind = PrivateType(request.private_key_type or PrivateType.TYPE_GOOGLE_CREDENTIALS_FILE)
    created.private_key_type = kind
    if kind == PrivateType.TYPE_PKCS12_FILE:
        created.private_key_data = pkcs12_file(pair)
    else:
        created.private_key_data = credentials_file(account, pair, call.state.token_uri)
    return created


async def make_user_key(account: Account, bits: int = 2048) -> tuple[SigningKey, UserKey]:
    """Make a key pair, and what the service keeps of it."""
    key_id = secrets.token_hex(20)
    pair = await account.system_key.maker.make(account.unique_id, key_id, bits, NEVER)
    public = pair.private_key.public_key()
    return pair, UserKey(key_id, public, pair.certificate, now(), NEVER)


def check_limit(account: Account) -> None:
    """Reject a key above the limit."""
    if len(account.keys) >= MOST_KEYS:
        raise exhausted("Maximum number of keys on account reached.", DAY + 1)


def credentials_file(account: Account, pair: SigningKey, token_uri: str) -> bytes:
    """Return the JSON key file of an account."""
    certificates = "https://www.googleapis.com"
    content = {
        "type": "service_account",
        "project_id": account.project,
        "private_key_id": pair.key_id,
        "private_key": pair.private_pem().decode(),
        "client_email": account.email,
        "client_id": account.unique_id,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": f"{certificates}/oauth2/v1/certs",
        "client_x509_cert_url": f"{certificates}/robot/v1/metadata/x509/"
        + account.email.replace("@", "%40"),
        "universe_domain": "googleapis.com",
    }
    return json.dumps(content, indent=2).encode()


def pkcs12_file(pair: SigningKey) -> bytes:
    """Return the key as a PKCS #12 file with the documented password."""
    return pkcs12.serialize_key_and_certificates(
        b"privatekey",
        pair.private_key,
        x509.load_pem_x509_certificate(pair.certificate),
        None,
        serialization.BestAvailableEncryption(b"notasecret"),
    )


@serves(ADMIN)
def upload_service_account_key(
    call: Call, request: iam.UploadServiceAccountKeyRequest
) -> iam.ServiceAccountKey:
    account = account_of(call.state, request.name, "iam.serviceAccountKeys.create")
    try:
        certificate = parse_certificate(request.public_key_data)
        public = certificate.public_key()
    except ValueError:
        raise invalid("public_key_data", "The data is no X.509 certificate in PEM.") from None
    if not isinstance(public, RSAPublicKey) or public.key_size < 1024:
        raise invalid("public_key_data", "The certificate must hold an RSA public key.")
    check_limit(account)
    key = uploaded_key(certificate, public)
    if key.key_id in account.keys:
        raise already_exists("The public key was uploaded before.")
    account.keys[key.key_id] = key
    return user_key(account, key)


def uploaded_key(certificate: x509.Certificate, public: RSAPublicKey) -> UserKey:
    """Return what the service keeps of a certificate; the key is as old as that."""
    return UserKey(
        certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303
        public,
        certificate.public_bytes(serialization.Encoding.PEM),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        uploaded=True,
    )


def give_old_keys(accounts: list[Account], pair: SigningKey) -> None:
    """Let accounts hold none, one or two uploaded keys, months old, as grown projects do."""
    for number, account in enumerate(accounts):
        for age in range(number % 3):
            since = now() - timedelta(days=11 * number + 100 * age + 1)
            pem = certify(pair.private_key, account.unique_id, NEVER, since)
            key = uploaded_key(parse_certificate(pem), pair.private_key.public_key())
            account.keys[key.key_id] = key


@serves(ADMIN)
def delete_service_account_key(
    call: Call, request: iam.DeleteServiceAccountKeyRequest
) -> empty_pb2.Empty:
    owner, key_id = key_name(request.name)
    account = account_of(call.state, owner, "iam.serviceAccountKeys.delete")
    del account.keys[users_key(account, key_id).key_id]
    return empty_pb2.Empty()


@serves(ADMIN)
def disable_service_account_key(
    call: Call, request: iam.DisableServiceAccountKeyRequest
) -> empty_pb2.Empty:
    owner, key_id = key_name(request.name)
    account = account_of(call.state, owner, "iam.serviceAccountKeys.disable")
    users_key(account, key_id).disabled = True
    return empty_pb2.Empty()


@serves(ADMIN)
def enable_service_account_key(
    call: Call, request: iam.EnableServiceAccountKeyRequest
) -> empty_pb2.Empty:
    owner, key_id = key_name(request.name)
    account = account_of(call.state, owner, "iam.serviceAccountKeys.enable")
    users_key(account, key_id).disabled = False
    return empty_pb2.Empty()
