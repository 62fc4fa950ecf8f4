"""A small HTTP/1.1 server on asyncio: h11 reads the bytes, a function answers the request."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import h11

LARGEST_BODY = 1024 * 1024
IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """A request that was read whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: str


@dataclass(frozen=True)
class Response:
    """A status, and a body that is JSON."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(self.content).encode() + b"\n"


Answer = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves an answer function on the connections that it is given."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.transports: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._start)

    def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = cast(asyncio.Transport, writer.transport)
        self.transports.add(transport)
        peer = writer.get_extra_info("peername")
        try:
            await self._converse(reader, writer, f"http {peer[0]}:{peer[1]}")
        except (OSError, EOFError, asyncio.TimeoutError, h11.ProtocolError):
            pass
        finally:
            self.transports.discard(transport)
            transport.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=32 * 1024)
        while True:
            try:
                request = await _read_request(connection, reader, peer)
            except h11.RemoteProtocolError as error:
                if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                    _send(connection, writer, Response(error.error_status_hint, "bad request"))
                return
            if request is None:
                return
            _send(connection, writer, await self._answer(request))
            await writer.drain()
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, peer: str
) -> Request | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await asyncio.wait_for(reader.read(65536), IDLE_SECONDS)
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LARGEST_BODY:
                raise h11.RemoteProtocolError("the body is too large", 413)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {key.decode(): value.decode("latin-1") for key, value in head.headers}
            return Request(head.method.decode(), head.target.decode("latin-1"), headers, body, peer)
        else:
            return None


def _send(connection: h11.Connection, writer: asyncio.StreamWriter, response: Response) -> None:
    body = response.body()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **response.headers,
    }
    head = h11.Response(status_code=response.status, headers=list(headers.items()))
    events = (head, h11.Data(data=body), h11.EndOfMessage())
    writer.write(b"".join(connection.send(event) or b"" for event in events))
