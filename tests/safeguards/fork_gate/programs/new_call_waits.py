"""Calls, opens and closes from other threads while the gate is closed."""

import threading
from collections.abc import Callable

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_gate
from tests.safeguards.attacks import say, sign

fork_gate.install()
gate = fork_gate.gate
client = iam_credentials_v1.IAMCredentialsClient()
other = iam_credentials_v1.IAMCredentialsClient()
sign(client)
USES: dict[str, Callable[[], object]] = {
    "call": lambda: sign(client),
    "open": iam_credentials_v1.IAMCredentialsClient,
    "close": other.transport.close,
}
threads = {name: threading.Thread(target=use) for name, use in USES.items()}
gate.close()
for thread in threads.values():
    thread.start()
for thread in threads.values():
    thread.join(0.3)
for name, thread in threads.items():
    say(name, thread.is_alive())
gate.open()
for name, thread in threads.items():
    thread.join()
    say(name, thread.is_alive())
