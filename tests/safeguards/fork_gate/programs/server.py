"""Forks while a server runs, and after it was stopped."""

import os
from concurrent.futures import ThreadPoolExecutor

import grpc

from recipes.safeguards import fork_gate
from recipes.safeguards.fork_gate import gate
from tests.safeguards.attacks import forked, say, wait_until

fork_gate.install(limit=1000)
server = grpc.server(ThreadPoolExecutor(2))
server.add_insecure_port("127.0.0.1:0")
server.start()
try:
    os.fork()
except fork_gate.ForkRefusedError as error:
    say("refused", "a running gRPC server" in str(error))
server.stop(None).wait()
wait_until(lambda: not gate.staying())
say("stopped", forked())
