"""The tunnel and the HTTP ports against clients of bad will."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from google.cloud import iam_admin_v1

from recipes.testing.local_iam import LocalIAM
from recipes.testing.local_iam.doors.listener import Listener
from recipes.testing.local_iam.doors.tunnel import Tunnel

IAM = iam_admin_v1.IAMClient
CONNECT = b"CONNECT iam.googleapis.com:443 HTTP/1.1\r\nHost: iam.googleapis.com:443\r\n\r\n"


def port_of(url: str) -> int:
    """Return the port of a URL."""
    port = urlsplit(url).port
    assert port is not None
    return port


def ports(local_iam: LocalIAM) -> dict[str, int]:
    """Return the ports that a client knows of."""
    key_file = json.loads(Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    return {
        "tunnel": port_of(local_iam.environment["grpc_proxy"]),
        "token": port_of(key_file["token_uri"]),
        "control": port_of(local_iam.environment["LOCAL_IAM_CONTROL"]),
    }


@pytest.fixture
def tunnel(local_iam: LocalIAM) -> Iterator[socket.socket]:
    """Open a connection to the tunnel."""
    port = port_of(local_iam.environment["grpc_proxy"])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


def works(admin: IAM, local_iam: LocalIAM) -> bool:
    """Say whether a real call still succeeds."""
    pager = admin.list_service_accounts(name=f"projects/{local_iam.project}", timeout=10)
    return any(True for _ in pager)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT localhost:443 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT iam.googleapis.com:22 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT googleapis.com:443 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT googleapis.com.example.com:443 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT evilgoogleapis.com:443 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT user@iam.googleapis.com:443 HTTP/1.1\r\n\r\n", 403),
        (b"GET http://iam.googleapis.com/ HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"CONNECT\r\n\r\n", 400),
        (b"CONNECT iam.googleapis.com:443 HTTP/9.9\r\n\r\n", 400),
        (b"connect iam.googleapis.com:443 HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\x00" * 100, 400),
        (b"CONNECT iam.googleapis.com:443 HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
        (b"G" * 20_000, 431),
    ],
)
def test_the_tunnel_refuses(tunnel: socket.socket, request_: bytes, status: int) -> None:
    """Other hosts 403, other methods 405, garbage 400, a huge header 431; then it closes."""
    tunnel.sendall(request_)
    assert answer(tunnel).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_request_in_pieces_is_understood(tunnel: socket.socket) -> None:
    """Byte by byte, as a slow client sends it."""
    tunnel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in CONNECT:
        tunnel.sendall(bytes([byte]))
    assert tunnel.recv(1000) == b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize("data", [b"garbage, no TLS at all", b"\x16\x03\x01\xff\xff" + b"x" * 100])
def test_garbage_inside_the_tunnel_ends_the_connection(tunnel: socket.socket, data: bytes) -> None:
    """What is not TLS leads nowhere."""
    tunnel.sendall(CONNECT)
    tunnel.recv(1000)
    tunnel.sendall(data)
    assert answer(tunnel) == b""


@pytest.mark.parametrize("alpn", [["h2"], ["http/1.1"], []])
def test_garbage_inside_tls_ends_the_connection(
    tunnel: socket.socket, local_iam: LocalIAM, admin: IAM, alpn: list[str]
) -> None:
    """Behind the handshake of either door."""
    context = ssl.create_default_context(cafile=local_iam.environment["REQUESTS_CA_BUNDLE"])
    if alpn:
        context.set_alpn_protocols(alpn)
    tunnel.sendall(CONNECT)
    tunnel.recv(1000)
    with context.wrap_socket(tunnel, server_hostname="iam.googleapis.com") as inner:
        assert inner.selected_alpn_protocol() == (alpn[0] if alpn else None)
        inner.sendall(b"\x00garbage\r\n\r\n" * 10)
        with contextlib.suppress(ssl.SSLError, ConnectionResetError):
            while inner.recv(65536):
                pass
    assert works(admin, local_iam)


def test_garbage_on_every_port_stops_nothing(local_iam: LocalIAM, admin: IAM) -> None:
    """Random bytes, closed at once, half-closed or reset, on the three ports."""
    for port in ports(local_iam).values():
        for size in (1, 100, 100_000):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
                contextlib.suppress(OSError),
            ):
                connection.sendall(os.urandom(size))
                connection.shutdown(socket.SHUT_WR)
                answer(connection)
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(CONNECT[:40])
    assert works(admin, local_iam)


@pytest.mark.parametrize("port", ["token", "control"])
def test_an_http_port_refuses_bad_requests(local_iam: LocalIAM, port: str) -> None:
    """Garbage is 400, a huge header 4xx, a body above a megabyte 413."""
    address = ("127.0.0.1", ports(local_iam)[port])
    huge = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000
    for request, status in (
        (b"garbage\r\n\r\n", b" 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000, b" 431 "),
        (huge, b" 413 "),
    ):
        with socket.create_connection(address, timeout=10) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
            assert status in answer(connection)[:20]


def test_many_idle_connections_do_no_harm(local_iam: LocalIAM, admin: IAM) -> None:
    """Three hundred half-open connections on the tunnel, and a call goes through."""
    port = ports(local_iam)["tunnel"]
    with contextlib.ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            connection.sendall(CONNECT[: number % len(CONNECT)])
        assert works(admin, local_iam)


def test_refused_ports_take_no_connection(local_iam: LocalIAM) -> None:
    """The tunnel and the token endpoint refuse, the control endpoint does not; then all accept."""
    local_iam.refuse()
    for name in ("tunnel", "token"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ports(local_iam)[name]), timeout=10).close()
    local_iam.accept()
    for port in ports(local_iam).values():
        socket.create_connection(("127.0.0.1", port), timeout=10).close()


def test_a_half_open_connection_is_closed_in_time() -> None:
    """A client that never finishes its request is answered 408."""

    async def half_open() -> bytes:
        listener = Listener()
        await listener.open(Tunnel(header_seconds=0.05).protocol)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(CONNECT[:20])
        received = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        listener.release()
        return received

    assert asyncio.run(half_open()).startswith(b"HTTP/1.1 408 ")


def test_every_port_is_on_loopback_alone(local_iam: LocalIAM) -> None:
    """The listening sockets of the process are bound to 127.0.0.1."""
    connections = psutil.Process(local_iam.pid).net_connections("inet")
    addresses = [each.laddr.ip for each in connections if each.status == "LISTEN"]
    listening = [address.removeprefix("::ffff:") for address in addresses]
    assert len(listening) == 5
    assert set(listening) == {"127.0.0.1"}
