"""Forks amid a call by a function that the plugin does not know."""

import os
import time

import pytest

from tests.safeguards.pytest_fork_safety.calls import call_in_flight


def fork_a_sleeper() -> None:
    if os.fork() == 0:
        time.sleep(60)


def test_fork() -> None:
    with (
        call_in_flight(),
        pytest.raises(RuntimeError, match="a fork while a gRPC call is in flight"),
    ):
        fork_a_sleeper()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    print("nothing is left")
