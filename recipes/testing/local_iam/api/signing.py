"""RSA key pairs: made off the event loop, certified, and used to sign."""

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SPARE_KEYS = 2


@dataclass(frozen=True)
class SigningKey:
    """A key pair with the certificate that publishes its public half."""

    key_id: str
    private_key: rsa.RSAPrivateKey
    certificate: bytes

    def sign(self, message: bytes) -> bytes:
        """Return the RSA-SHA256 signature (PKCS #1 v1.5) of the message."""
        return self.private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def sign_jwt(self, payload: str) -> str:
        """Return the JWT that holds the payload as it is."""
        header = json.dumps({"alg": "RS256", "kid": self.key_id, "typ": "JWT"})
        signed = f"{encoded(header.encode())}.{encoded(payload.encode())}"
        return f"{signed}.{encoded(self.sign(signed.encode()))}"

    def private_pem(self) -> bytes:
        """Return the private key as PKCS #8 PEM."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def encoded(data: bytes) -> str:
    """Return the data in the base64 of JWTs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_pem(key: rsa.RSAPublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def jwk(key_id: str, key: rsa.RSAPublicKey) -> dict[str, str]:
    """Return a public key as a JSON Web Key."""
    numbers = key.public_numbers()

    def number(value: int) -> str:
        return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))

    return {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": key_id,
        "n": number(numbers.n),
        "e": number(numbers.e),
    }


def certify(
    key: rsa.RSAPrivateKey,
    subject: str,
    until: datetime | None = None,
    since: datetime | None = None,
) -> bytes:
    """Return a self-signed certificate of the key as PEM, by default of 16 days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[:64])])
    start = (since or datetime.now(timezone.utc)).replace(microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(minutes=5))
        .not_valid_after(until or start + timedelta(days=16))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def parse_certificate(pem: bytes) -> x509.Certificate:
    """Return the certificate of a PEM text; ValueError when it is none."""
    return x509.load_pem_x509_certificate(pem)


def new_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make a key pair; takes tens of milliseconds."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class KeyMaker:
    """Makes RSA keys in a thread of its own and keeps spare ones once the first was wanted."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rsa")
        self._spare: list[asyncio.Future[Any]] = []

    async def make(
        self, subject: str, key_id: str, bits: int = 2048, until: datetime | None = None
    ) -> SigningKey:
        """Return a new key pair, certified for the subject."""
        key = await (self._take() if bits == 2048 else self._generate(bits))
        return SigningKey(key_id, key, certify(key, subject, until))

    def _take(self) -> asyncio.Future[Any]:
        while len(self._spare) <= SPARE_KEYS:
            self._spare.append(self._generate(2048))
        return self._spare.pop(0)

    def _generate(self, bits: int) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._thread, new_rsa_key, bits)

    def close(self) -> None:
        """Stop making keys."""
        self._thread.shutdown(wait=False, cancel_futures=True)
