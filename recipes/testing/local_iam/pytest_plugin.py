"""The fixture `local_iam`: one local IAM for each pytest process, as new before each test.

As new means: faults healed, observation forgotten, `os.environ` set for the test and restored after
it. The accounts, roles and policies that earlier tests made stay.
"""

import threading
from collections.abc import Iterator

import pytest

from .process.launcher import LocalIAM

LOOKUP_SECONDS = 5.0


@pytest.fixture(scope="session")
def local_iam_process() -> Iterator[LocalIAM]:
    """Run one local IAM until the session ends."""
    with LocalIAM() as local_iam:
        yield local_iam


@pytest.fixture
def local_iam(local_iam_process: LocalIAM, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIAM]:
    """Give a test the local IAM and the environment that leads to it."""
    local_iam_process.heal()
    local_iam_process.forget()
    for name, value in local_iam_process.environment.items():
        monkeypatch.setenv(name, value)
    yield local_iam_process
    local_iam_process.heal()
    finish_lookups()


def finish_lookups() -> None:
    """Wait for google-auth's background look-ups: one that ran later would leave this machine."""
    for thread in threading.enumerate():
        if type(thread).__name__ == "_RegionalAccessBoundaryRefreshThread":
            thread.join(LOOKUP_SECONDS)
