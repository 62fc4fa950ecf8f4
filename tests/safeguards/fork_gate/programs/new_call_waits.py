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
with gate.closed():
    for thread in threads.values():
        thread.start()
    say("by the thread that forks", sign(client))
    for name, thread in threads.items():
        thread.join(0.3)
        say(name, thread.is_alive())
for name, thread in threads.items():
    thread.join()
    say(name, thread.is_alive())
