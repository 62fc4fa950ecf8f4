"""A test that forks amid a call fails and says why; one that forks safely passes."""

from pathlib import Path

import pytest

from tests.book import ROOT
from tests.safeguards.pytest_fork_safety.reports import (
    CALLS,
    MODES,
    PAGE,
    Suite,
    count_of_tests,
    place,
    reported,
)

REPLACED = "import os\nbuiltin = os.fork\nos.fork = lambda: builtin()\n"
"""Somebody's own os.fork, which might wait for something."""


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_right_suite_passes(suite: Suite, arguments: tuple[str, ...]) -> None:
    """What is safe passes, whatever the scope of its fixtures and the way that it starts others."""
    run = suite("right", *arguments)

    assert {"PASSED"} == set(reported(run).values()), run.stdout
    assert "ok" == str(run.outcome)
    assert count_of_tests("right") + 1 == len(reported(run))
    assert "a fork while" not in run.stderr


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_fork_during_a_call_fails(suite: Suite, arguments: tuple[str, ...]) -> None:
    """A fork amid a call of any kind fails its test, wherever it happens, and the suite goes on."""
    run = suite("forks", *arguments)
    found = reported(run)

    assert "raises SystemExit" == str(run.outcome)
    assert "ERROR" == found.pop("test_fixture")
    assert {"FAILED"} == set(found.values()), run.stdout
    assert count_of_tests("forks") == len(found) + 1
    assert count_of_tests("forks") <= run.stdout.count(f"see {PAGE}")


def test_message_of_a_fork(suite: Suite) -> None:
    """It names the method, the thread, the lines of the call and of the fork, and the page."""
    run = suite("forks", "-k", "test_fork_in_thread")
    message = [
        "a fork while a gRPC call is in flight: a child that uses its client hangs",
        "/google.iam.credentials.v1.IAMCredentials/SignBlob in caller, called at",
        place(CALLS, "sign(client)", "call"),
        place(CALLS, 'return client.sign_blob(name=NAME, payload=b"text", timeout=60)', "sign"),
        "the fork",
        place(CALLS, "if (pid := os.fork()) == 0:", "fork"),
        f"see {PAGE}",
    ]

    assert "\n".join(message) in run.stdout
    assert "\n".join(message) in run.stderr  # at once, whatever becomes of the test


def test_child_of_another_fork_function_is_ended(suite: Suite, tmp_path: Path) -> None:
    """Where somebody has replaced os.fork, which might have waited, the child is ended at once."""
    (tmp_path / "sitecustomize.py").write_text(REPLACED)
    run = suite("forks", "-k", "test_pool or test_future", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert {"test_pool": "FAILED", "test_future": "FAILED"} == reported(run)
    assert 2 <= run.stdout.count("UnsafeForkError")


def test_child_that_was_ended_is_no_zombie(suite: Suite, tmp_path: Path) -> None:
    """Nothing of a fork that another function made is left when its error is raised."""
    (tmp_path / "sitecustomize.py").write_text(REPLACED)
    run = suite("zombie", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert "nothing is left\n" in run.stdout


def test_no_child_is_left_to_hang(suite: Suite) -> None:
    """A worker that would wait for ever for the lock of a busy client does not come to be."""
    run = suite("busy")

    assert {"test_busy": "FAILED"} == reported(run)
    assert "forks: 0\n" in run.stdout
    assert 10 <= run.stdout.count("a fork while a gRPC call is in flight")


@pytest.mark.parametrize("order", ["gate first", "plugin first"])
def test_gate_is_no_reason_to_fail(suite: Suite, tmp_path: Path, order: str) -> None:
    """A fork that the fork gate held until the call had ended is a safe fork, in either order."""
    if order == "gate first":
        (tmp_path / "sitecustomize.py").write_text(
            "from recipes.safeguards import fork_gate\nfork_gate.install()\n"
        )
    run = suite("gated", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert {"test_fork": "PASSED"} == reported(run), run.stdout


def test_call_that_ended_just_before_the_fork(suite: Suite, tmp_path: Path) -> None:
    """A call that was in flight when the fork was asked for, and not when it came, is no harm."""
    (tmp_path / "sitecustomize.py").write_text(
        "import tests.safeguards.pytest_fork_safety.own_gate\n"
    )
    run = suite("own_gate", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert {"test_fork": "PASSED"} == reported(run), run.stdout
