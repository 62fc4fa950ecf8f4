"""The client's side of the echo server: a channel with tokens, and calls of every kind."""

import os
from pathlib import Path
from typing import Any

import grpc
from grpc.experimental import ChannelOptions


class Plugin(grpc.AuthMetadataPlugin):
    """Gives tokens."""

    def __call__(
        self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback
    ) -> None:
        callback((("authorization", "Bearer token"),), None)


def address() -> str:
    """Return where the server is."""
    return "localhost:" + os.environ["PORT"]


def new_channel(*options: tuple[str, Any]) -> Any:
    """Make a channel with credentials of its own, which get their tokens from a plugin."""
    ssl = grpc.ssl_channel_credentials(Path(os.environ["CERTIFICATE"]).read_bytes())
    tokens = grpc.metadata_call_credentials(Plugin())
    return grpc.secure_channel(address(), grpc.composite_channel_credentials(ssl, tokens), options)


def one_thread_channel() -> Any:
    """Make a channel whose streams of answers are read by whoever asks for the next."""
    return new_channel((ChannelOptions.SingleThreadedUnaryStream, 1))


class Stubs:
    """One method of each kind."""

    def __init__(self, channel: Any) -> None:
        self.echo = channel.unary_unary("/test/Echo")
        self.count = channel.unary_stream("/test/Count")
        self.add = channel.stream_unary("/test/Sum")
        self.chat = channel.stream_stream("/test/Chat")

    def use_all(self) -> str:
        """Make a call of every kind, in every way."""
        assert b"0" == self.echo(b"0", timeout=30)
        assert b"0" == self.echo.with_call(b"0", timeout=30)[0]
        assert b"0" == self.echo.future(b"0", timeout=30).result()
        assert 5 == len(list(self.count(b"0", timeout=30)))
        assert b"3" == self.add(iter([b"1", b"2"]), timeout=30)
        assert b"3" == self.add.with_call(iter([b"1", b"2"]), timeout=30)[0]
        assert b"3" == self.add.future(iter([b"1", b"2"]), timeout=30).result()
        assert [b"0", b"0"] == list(self.chat(iter([b"0", b"0"]), timeout=30))
        return "ok"
