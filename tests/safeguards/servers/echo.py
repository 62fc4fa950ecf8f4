"""A gRPC server for calls of every kind: a process of its own, which prints its port.

`Echo` answers its request after as many seconds as that says; `Count` streams numbers and `Chat`
its requests, each after so many seconds; `Sum` adds up a stream.
"""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

ITEMS = 5


def echo(request: bytes, _: grpc.ServicerContext) -> bytes:
    time.sleep(float(request))
    return request


def count(request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
    for number in range(ITEMS):
        time.sleep(float(request))
        yield str(number).encode()


def add(requests: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
    return str(sum(int(request) for request in requests)).encode()


def chat(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
    for request in requests:
        time.sleep(float(request))
        yield request


def main() -> None:
    """Serve until standard input ends; the arguments name files with a certificate and its key."""
    certificate, key = (Path(path).read_bytes() for path in sys.argv[1:3])
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Sum": grpc.stream_unary_rpc_method_handler(add),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server = grpc.server(ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
    server.start()
    sys.stdin.read()
    os._exit(0)  # with whatever it is still answering


if __name__ == "__main__":
    main()
