"""A port of loopback that stays ours while nobody listens on it."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

BACKLOG = 1024


class Listener:
    """Listens on 127.0.0.1, stops, and listens again on the same port."""

    def __init__(self, port: int = 0) -> None:
        """Reserve the port, or any free one; OSError when it is in use."""
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None

    async def open(
        self, factory: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None
    ) -> None:
        """Accept connections, over TLS when there is a context."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                factory, sock=self._socket.dup(), backlog=BACKLOG, ssl=context
            )

    def close(self) -> None:
        """Refuse connections; the kernel keeps the port bound for us."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def release(self) -> None:
        """Give the port back."""
        self.close()
        self._socket.close()


def _bound(port: int) -> socket.socket:
    """Return a socket bound to an explicit port: such a one stays bound when listening ends."""
    for _ in range(20):
        wanted = port or _free_port()
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", wanted))
            found.listen(BACKLOG)
            found.shutdown(socket.SHUT_RD)
        except OSError as error:
            found.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
        else:
            return found
    raise OSError(errno.EADDRINUSE, "no free port was found")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
