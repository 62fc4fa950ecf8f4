"""Forks where the call has ended between the wish to fork and the fork."""

import sys
import threading

from google.cloud.iam_credentials_v1 import IAMCredentialsClient

from tests.safeguards.pytest_fork_safety import own_gate
from tests.safeguards.pytest_fork_safety.calls import (
    call_arrives,
    control,
    fork,
    future_of,
    wait_until,
)


def test_fork() -> None:
    control.forget()
    control.slow(60, method="sign_blob")
    with IAMCredentialsClient() as client:
        future = future_of(client)
        call_arrives()
        thread = threading.Thread(target=fork)
        thread.start()
        own_gate.asked.wait()
        future.cancel()
        wait_until(lambda: not sys.modules["pytest_fork_safety"].calls)
        own_gate.no_call.set()
        thread.join()
    control.heal()
