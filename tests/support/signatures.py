"""Verifies what was signed, as any verifier of signatures does."""

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from recipes.testing.local_iam import LocalIAM


def verify(local_iam: LocalIAM, account: str, file: Path, signed: str) -> None:
    """Verify `KEY_ID SIGNATURE`, of a file's SHA-256 digest, by a key that the account lists.

    Raises KeyError where it lists no such key, and InvalidSignature.
    """
    key_id, signature = signed.split()
    key = _listed_key(local_iam, account, key_id)
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashlib.sha256(file.read_bytes()).digest()
    key.verify(base64.b64decode(signature), digest, padding.PKCS1v15(), SHA256())


def _listed_key(local_iam: LocalIAM, account: str, key_id: str) -> object:
    caller = json.loads(Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    certificates = f"/service_accounts/v1/metadata/x509/{account}"
    with urlopen(urljoin(caller["token_uri"], certificates)) as answer:  # noqa: S310 - on loopback
        certificate = x509.load_pem_x509_certificate(json.load(answer)[key_id].encode())
    return certificate.public_key()
