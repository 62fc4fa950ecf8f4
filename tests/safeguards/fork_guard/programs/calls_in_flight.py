"""Uses futures and streams that the parent started."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, stream_server, wait_until_threads_rest
from tests.safeguards.fork_guard.refusals import forked, try_all

fork_guard.install()
stop = threading.Event()
SINGLE_THREADED = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]


def requests() -> Iterator[bytes]:
    yield b"text"
    stop.wait()


with stream_server() as address:
    channel: Any = grpc.insecure_channel(address)
    other: Any = grpc.insecure_channel(address, SINGLE_THREADED)
    calls: dict[str, Any] = {
        "future": channel.stream_unary("/echo/last").future(requests()),
        "stream": channel.unary_stream("/echo/many")(b"text"),
        "both": channel.stream_stream("/echo/each")(requests()),
        "single": other.unary_stream("/echo/many")(b"text"),
    }
    assert [b"text"] * 3 == [next(calls[name]) for name in ("stream", "both", "single")]
    uses: dict[str, Callable[[], object]] = {
        "result": lambda: calls["future"].result(timeout=10),
        "exception": lambda: calls["future"].exception(timeout=10),
        "callback": lambda: calls["future"].add_done_callback(print),
        "cancel": lambda: calls["future"].cancel(),
        "next": lambda: next(calls["stream"]),
        "for": lambda: [*calls["stream"]],
        "code": lambda: calls["stream"].code(),
        "both": lambda: next(calls["both"]),
        "single": lambda: next(calls["single"]),
    }
    try_all(uses)

    def dropped() -> str:
        calls.clear()
        gc.collect()
        return "dropped"

    say("dropped", forked(dropped))
    stop.set()
    say("creator", calls["future"].result(timeout=10).decode())
    for call in calls.values():  # one that is open as Python ends may hold a lock for ever
        call.cancel()
    channel.close()
    other.close()
    wait_until_threads_rest()
