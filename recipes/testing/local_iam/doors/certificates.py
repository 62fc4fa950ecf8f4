"""The certificates of a run: an authority that signs one for `*.googleapis.com`."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """What the doors need to speak TLS, and what a client needs to trust them."""

    authority: bytes
    private_key: bytes
    chain: bytes

    def context(self, directory: Path) -> ssl.SSLContext:
        """Return the context of the HTTPS door; the directory must be private."""
        path = directory / "server.pem"
        path.touch(mode=0o600)
        path.write_bytes(self.private_key + self.chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        path.unlink()
        return context


def new_certificates() -> Certificates:
    """Make an authority and a certificate; their private keys leave no trace on the disk."""
    authority = trustme.CA(organization_name="local IAM")
    issued = authority.issue_cert("*.googleapis.com", "localhost", "127.0.0.1")
    return Certificates(
        authority.cert_pem.bytes(),
        issued.private_key_pem.bytes(),
        b"".join(blob.bytes() for blob in issued.cert_chain_pems),
    )
