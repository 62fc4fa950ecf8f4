"""The table of methods against the transports of the installed clients."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials

from recipes.testing.local_iam.api.methods import METHODS
from recipes.testing.local_iam.doors.service import Service
from tests.support import installed_clients as installed

NOT_METHODS = {"host", "kind", "grpc_channel", "operations_client"}


class RecordingChannel(grpc.Channel):
    """Notes the path, the writer and the reader of every method that a transport asks for."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[Any, Any]] = {}

    def unary_unary(
        self, method: str, request_serializer: Any, response_deserializer: Any, **_: Any
    ) -> Any:
        """Note a method."""
        self.paths[method] = (request_serializer, response_deserializer)
        return lambda *_, **__: None

    def _unused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    unary_stream = stream_unary = stream_stream = subscribe = unsubscribe = close = _unused
    __enter__ = __exit__ = _unused


def paths_of(transport: Any) -> dict[str, tuple[Any, Any]]:
    """Return the methods of a transport class."""
    channel = RecordingChannel()
    made = transport(channel=channel, credentials=AnonymousCredentials())
    # Without the logging interceptor, which asks the channel at the first call only.
    made._logged_channel = channel
    made._stubs.clear()
    for name in dir(transport):
        if isinstance(getattr(transport, name), property) and name not in NOT_METHODS:
            getattr(made, name)
    return channel.paths


PATHS = {
    path: codec
    for name, client in installed.clients().items()
    if not installed.is_async(name)
    for path, codec in paths_of(installed.transports(client)["grpc"]).items()
}


def test_every_method_of_the_installed_clients_is_served() -> None:
    """The paths that the transports call are the paths that have a handler."""
    assert Service is not None
    assert set(METHODS) == set(PATHS)
    assert len(PATHS) > 80


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_handler_reads_what_the_client_writes(path: str) -> None:
    """The request type of a handler is the one that the transport serializes."""
    write, _ = PATHS[path]
    request = METHODS[path].request_type()
    assert METHODS[path].read(write(request)) == request


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_method_answers_a_stranger_with_unauthenticated(
    path: str, raw: Callable[..., bytes]
) -> None:
    """Over the wire a method without a bearer token is UNAUTHENTICATED, not UNIMPLEMENTED."""
    with pytest.raises(grpc.RpcError) as caught:
        raw(path, b"", None)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_an_unknown_method_is_unimplemented(raw: Callable[..., bytes]) -> None:
    """A path that no client has is UNIMPLEMENTED."""
    with pytest.raises(grpc.RpcError) as caught:
        raw("/google.iam.admin.v1.IAM/Nonsense", b"", None)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
