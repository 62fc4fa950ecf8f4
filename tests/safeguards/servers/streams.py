"""A gRPC server on loopback whose streams stay open: a process that prints its port."""

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc


def one(request: bytes, _: grpc.ServicerContext) -> bytes:
    return request


def many(request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
    yield request
    threading.Event().wait()


def last(requests: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
    return [*requests][-1]


def each(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
    yield from requests


def main() -> None:
    """Serve until standard input ends."""
    handlers = {
        "one": grpc.unary_unary_rpc_method_handler(one),
        "many": grpc.unary_stream_rpc_method_handler(many),
        "last": grpc.stream_unary_rpc_method_handler(last),
        "each": grpc.stream_stream_rpc_method_handler(each),
    }
    server = grpc.server(ThreadPoolExecutor(32))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    os._exit(0)  # with its streams


if __name__ == "__main__":
    main()
