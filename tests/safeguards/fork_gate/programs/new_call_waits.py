"""Calls from another thread while the gate is closed."""

import threading

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from recipes.safeguards.fork_gate import gate
from tests.safeguards.attacks import say, sign, wait_until

fork_gate.install()
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)
ended = threading.Event()


def call() -> None:
    sign(client)
    ended.set()


thread = threading.Thread(target=call)
with gate.closed():
    thread.start()
    wait_until(lambda: gate.held)
    say("by the thread that forks", sign(client))
    say("held", not ended.wait(0.5))
thread.join()
say("after", ended.is_set())
