"""The HTTP CONNECT tunnel: whatever Google host a client asks for, it reaches the local IAM.

It dials two ports of its own process and nothing else: the gRPC door for a client whose TLS offers
HTTP/2 alone, the HTTPS door for any other.
"""

import asyncio
import itertools
import re
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

LARGEST_HEADER = 16 * 1024
HEADER_SECONDS = 10.0
REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]")
AUTHORITY = re.compile(rb"((?:[a-zA-Z0-9-]+\.)+googleapis\.com):443")
REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
}


def offers_only_http2(hello: bytes) -> bool:
    """Say whether a TLS ClientHello offers HTTP/2 and not HTTP/1.1, as gRPC's does."""
    try:
        position = 9 + 2 + 32
        position += 1 + hello[position]
        position += 2 + int.from_bytes(hello[position : position + 2], "big")
        position += 1 + hello[position] + 2
        while position < len(hello):
            kind, length = struct.unpack_from("!HH", hello, position)
            if kind == 16:
                offered = hello[position + 6 : position + 4 + length]
                return b"\x02h2" in offered and b"\x08http/1.1" not in offered
            position += 4 + length
    except (IndexError, struct.error):
        pass
    return False


class Tunnel:
    """The connections through the tunnel, and where they lead.

    A client has `header_seconds` for its request.
    """

    def __init__(self, header_seconds: float = HEADER_SECONDS) -> None:
        self.header_seconds = header_seconds
        self.grpc_port = 0
        self.https_port = 0
        self._names: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self.ends: set[asyncio.Transport] = set()
        self.seconds = 0.0

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new client connection."""
        return _Client(self)

    def name(self, peer: str) -> str:
        """Return the name of the client connection that a server's peer address belongs to."""
        return self._names.get(int(peer.rpartition(":")[2]), peer)

    def connected(self, port: int) -> None:
        """Give a new connection its name."""
        self._names[port] = f"connection {next(self._numbers)}"

    def far(self, seconds: float) -> None:
        """Let everything that is sent be that long under way, in either direction."""
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        self.seconds = seconds

    def cut(self) -> None:
        """Reset every connection."""
        for transport in list(self.ends):
            reset(transport)


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once, with a TCP reset."""
    found = transport.get_extra_info("socket")
    if found is not None and not transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _End(asyncio.Protocol):
    """One end of a relay: what arrives here is written to the other end."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self._under_way: deque[bytes | None] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        found = self.transport.get_extra_info("socket")
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tunnel.ends.add(self.transport)

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def _send(self, data: bytes | None) -> None:
        """Let data, or the end, set out for the other end; nothing overtakes what is under way."""
        self._under_way.append(data)
        if self._tunnel.seconds or len(self._under_way) > 1:
            loop = asyncio.get_running_loop()
            loop.call_later(self._tunnel.seconds, self._arrive)
        else:
            self._arrive()

    def _arrive(self) -> None:
        data = self._under_way.popleft()
        transport = self.other.transport if self.other is not None else None
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.close()
        else:
            transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._tunnel.ends.discard(self.transport)
        self._send(None)


class _Client(_End):
    """The client's end: reads the CONNECT request and the TLS hello, then relays."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel)
        self._read = b""
        self._await: Callable[[], None] | None = self._request
        self._timer: asyncio.TimerHandle | None = None
        self._dial: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._tunnel.header_seconds, self._refuse, 408)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._read += data
        if self._await is not None:
            self._await()
        elif len(self._read) > 4 * LARGEST_HEADER:
            self._refuse(400)

    def _request(self) -> None:
        head, end, rest = self._read.partition(b"\r\n\r\n")
        if len(head) > LARGEST_HEADER:
            self._refuse(431)
            return
        line = head.split(b"\r\n", 1)[0]
        match = REQUEST.fullmatch(line)
        if not match and (end or len(line) < len(head) or not line[:1].isalpha()):
            self._refuse(400)
        elif match and end:
            self._answer(match[1], match[2], rest)

    def _answer(self, method: bytes, target: bytes, rest: bytes) -> None:
        if method != b"CONNECT":
            self._refuse(405)
        elif not AUTHORITY.fullmatch(target):
            self._refuse(403)
        elif self.transport is not None:
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._read = rest
            self._await = self._hello
            if rest:
                self._hello()

    def _hello(self) -> None:
        if len(self._read) < 5:
            return
        kind, _, length = struct.unpack_from("!BHH", self._read)
        if kind != 22 or length > LARGEST_HEADER:
            self._abort()
        elif len(self._read) >= 5 + length:
            self._await = None
            to_grpc = offers_only_http2(self._read[: 5 + length])
            port = self._tunnel.grpc_port if to_grpc else self._tunnel.https_port
            self._dial = asyncio.get_running_loop().create_task(self._connect(port))

    async def _connect(self, port: int) -> None:
        end = _End(self._tunnel)
        end.other = self
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: end, "127.0.0.1", port
            )
        except OSError:
            self._abort()
            return
        if self.transport is None or self.transport.is_closing():
            transport.abort()
            return
        self._stop_timer()
        self._tunnel.connected(transport.get_extra_info("sockname")[1])
        self.other = end
        self._send(self._read)
        self._read = b""

    def _refuse(self, status: int) -> None:
        self._stop_timer()
        if self.transport is not None and self.other is None:
            if self._await == self._request:
                self.transport.write(
                    f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
            self._await = None
            self.transport.close()

    def _abort(self) -> None:
        self._stop_timer()
        if self.transport is not None:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(error)
