"""A server for calls of every kind."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import trustme

from tests.book import ROOT

SERVER = ROOT / "tests" / "safeguards" / "servers" / "echo.py"


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead a program to the server."""
    folder = tmp_path_factory.mktemp("echo")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(folder / "certificate.pem"), str(folder / "key.pem")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        yield {"PORT": port, "CERTIFICATE": str(folder / "authority.pem")}
