"""Forks amid a call that the fork gate lets end first."""

import threading

from google.cloud.iam_credentials_v1 import IAMCredentialsClient

from recipes.safeguards import fork_gate
from tests.safeguards.pytest_fork_safety.calls import call_arrives, control, fork, sign

fork_gate.install()


def test_fork() -> None:
    control.slow(0.3, method="sign_blob")
    with IAMCredentialsClient() as client:
        sign(client)
        control.forget()
        thread = threading.Thread(target=sign, args=(client,))
        thread.start()
        call_arrives()
        fork()
        thread.join()
    control.heal()
