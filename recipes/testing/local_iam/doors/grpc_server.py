"""The gRPC door: TLS on a port of loopback that only the tunnel dials."""

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from ..api.methods import METHODS, Method, write
from ..api.rejections import Rejection
from .service import Service

MOST_STREAMS = 10_000
"""Calls at a time on one connection, where no limit was asked for."""
OPTIONS = [
    # With it the server refuses calls that are under the limit, where others are about to end.
    ("grpc.http.overload_protection", 0),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
]
Name = Callable[[str], str]


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Finds the handler of each path; an unknown one is UNIMPLEMENTED."""

    def __init__(self, service: Service, connection_name: Name) -> None:
        self._handlers = {
            method.path: grpc.unary_unary_rpc_method_handler(
                _behaviour(service, method, connection_name)
            )
            for method in METHODS.values()
        }

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


def _behaviour(service: Service, method: Method, connection_name: Name) -> Any:
    async def behaviour(message: bytes, context: Any) -> bytes:
        authorization = None
        for key, value in context.invocation_metadata():
            if key == "authorization":
                authorization = value
        connection = connection_name(context.peer())
        try:
            response = await service.answer(
                method, lambda: method.read(message), authorization, connection
            )
        except Rejection as rejection:
            trailer = ("grpc-status-details-bin", rejection.status().SerializeToString())
            await context.abort(rejection.code, rejection.message, (trailer,))
            raise
        return write(response)

    return behaviour


async def start_server(
    service: Service, private_key: bytes, chain: bytes, connection_name: Name, streams: int
) -> tuple[Any, int]:
    """Start serving so many calls at a time on each connection; return the server and its port."""
    server = grpc.aio.server(options=[*OPTIONS, ("grpc.max_concurrent_streams", streams)])
    server.add_generic_rpc_handlers((_Handlers(service, connection_name),))
    credentials = grpc.ssl_server_credentials([(private_key, chain)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    return server, port
