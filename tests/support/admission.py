"""Tests that start processes are admitted one after the other, when the processors have room.

Most of them wait, for a hang or for a service that is slow, and cost nothing then; so far more
run at a time than there are processors. What computes most is a start, and many at once would make
calls miss their deadlines: each waits for its turn, and for idle processors.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.measure.processors import one_at_a_time, wait_for_idle_processors

PATIENCE = 1.0
"""Seconds that a start waits for idle processors, about what it computes: where others compute
beside the tests, as much is started as they leave room for.
"""
STARTERS = {"block_runner", "interpreter_runner", "local_iam", "recipe_runner"}
"""Fixtures of tests that start processes."""


def lock_of(config: pytest.Config) -> Path:
    """Return the lock that the workers of one run share."""
    run = getattr(config, "workerinput", {}).get("testrunuid", os.getpid())
    return Path(tempfile.gettempdir(), f"iam-cookbook-{run}.lock")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Hold a test back until it is its turn."""
    parallel = hasattr(item.config, "workerinput")
    if parallel and STARTERS & {*getattr(item, "fixturenames", ())}:
        with one_at_a_time(lock_of(item.config)):
            wait_for_idle_processors(patience=PATIENCE)
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the lock's file away."""
    lock_of(config).unlink(missing_ok=True)
