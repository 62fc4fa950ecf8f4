"""Log calls that handle secrets to a file, by the handler of a recipe or by the client's own.

Usage: python log_everything.py RECIPE|- FILE SERVICE_ACCOUNT

It prints the secrets that were sent and received by gRPC and by REST, as JSON.
"""

import asyncio
import base64
import json
import logging
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core.client_logging import StructuredLogFormatter
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import iam_admin_v1, iam_credentials_v1

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
BLOB = b"a blob that nobody may read"
CLAIM = "a claim that nobody may read"
ENCODED = base64.b64encode(BLOB).decode()
NOBODY = "projects/-/serviceAccounts/nobody@iam-cookbook.iam.gserviceaccount.com"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def requests(name: str) -> Iterator[tuple[str, dict[str, Any], Callable[[Any], str]]]:
    """List each method of the credentials, with a request and the secret of its response."""
    claims = json.dumps({"sub": CLAIM, "exp": int(datetime.now(timezone.utc).timestamp()) + 600})
    yield (
        "generate_access_token",
        {"name": name, "scope": [SCOPE]},
        lambda answer: str(answer.access_token),
    )
    yield (
        "generate_id_token",
        {"name": name, "audience": "https://a"},
        lambda answer: str(answer.token),
    )
    yield "sign_blob", {"name": name, "payload": BLOB}, lambda answer: encoded(answer.signed_blob)
    yield "sign_jwt", {"name": name, "payload": claims}, lambda answer: str(answer.signed_jwt)


def call_credentials(transport: str, name: str) -> Iterator[str]:
    client = iam_credentials_v1.IAMCredentialsClient(transport=transport)
    for method, request, secret in requests(name):
        yield secret(getattr(client, method)(request, timeout=30))
        with suppress(GoogleAPICallError):
            getattr(client, method)({**request, "name": NOBODY}, timeout=30)
    with suppress(GoogleAPICallError):
        client.sign_jwt(name=name, payload=f'{{"sub": "{CLAIM}", "exp": "never"}}', timeout=30)


async def call_credentials_async(name: str) -> list[str]:
    secrets = []
    async with iam_credentials_v1.IAMCredentialsAsyncClient() as client:
        for method, request, secret in requests(name):
            secrets.append(secret(await getattr(client, method)(request, timeout=30)))
            with suppress(GoogleAPICallError):
                await getattr(client, method)({**request, "name": NOBODY}, timeout=30)
    return secrets


def certificate() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "uploaded")])
    now = datetime.now(timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def call_keys(name: str) -> Iterator[str]:
    client = iam_admin_v1.IAMClient()
    created = client.create_service_account_key(name=name, timeout=30)
    yield encoded(created.private_key_data)
    public = certificate()
    uploaded = client.upload_service_account_key(
        {"name": name, "public_key_data": public}, timeout=30
    )
    yield encoded(public)
    for key in (created, uploaded):
        client.get_service_account_key(name=key.name, timeout=30)
        client.delete_service_account_key(name=key.name, timeout=30)
    with suppress(GoogleAPICallError):
        client.upload_service_account_key({"name": name, "public_key_data": BLOB}, timeout=30)
    yield encoded(client.sign_blob(name=name, bytes_to_sign=BLOB, timeout=30).signature)


def main(recipe: str, path: str, email: str) -> None:
    if recipe == "-":
        handler = logging.FileHandler(path)
        handler.setFormatter(StructuredLogFormatter())
        logging.getLogger("google").addHandler(handler)
        logging.getLogger("google").setLevel(logging.DEBUG)
    else:
        runpy.run_path(recipe)["log_and_trace_to"](path)
    name = f"projects/-/serviceAccounts/{email}"
    secrets = [ENCODED, CLAIM, *call_credentials("grpc", name), *call_keys(name)]
    secrets += asyncio.run(call_credentials_async(name))
    print(json.dumps({"grpc": secrets, "rest": [*call_credentials("rest", name)]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
