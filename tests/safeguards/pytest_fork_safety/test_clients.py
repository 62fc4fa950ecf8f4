"""A test that leaves a client open fails and says why, unless that is allowed."""

from pathlib import Path

import pytest

from tests.safeguards.pytest_fork_safety.reports import MODES, PAGE, Suite, place, reported


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_open_client_fails(suite: Suite, arguments: tuple[str, ...]) -> None:
    """A client that is open after its test, or its fixture's scope, fails the last that used it."""
    run = suite("clients", *arguments)

    assert "raises SystemExit" == str(run.outcome)
    assert {
        "test_global": "ERROR",
        "test_cached": "ERROR",
        "test_stub": "ERROR",
        "test_raw_channel": "ERROR",
        "test_thread": "ERROR",
        "test_async": "ERROR",
        "TestClass::test_not_to_blame": "PASSED",
        "TestClass::test_last_of_class": "ERROR",
        "TestUnit::test_call": "ERROR",
        "test_fails_anyway": "FAILED",
        "test_not_to_blame": "PASSED",
        "test_last_of_module": "ERROR",
    } == reported(run), run.stdout


def test_message_of_an_open_client(suite: Suite, tmp_path: Path) -> None:
    """It names the lines that led to the construction, and the page."""
    run = suite("clients", "-k", "test_cached")
    file = tmp_path / "test_suite.py"
    message = [
        "the test leaves a client open:",
        "a client, constructed at",
        place(file, "sign(cached())", "test_cached"),
        place(file, "return IAMCredentialsClient()", "cached"),
        f"see {PAGE}",
    ]

    assert "\n".join(message) in run.stdout


def test_options_allow_for_the_whole_run(suite: Suite) -> None:
    """What a marker allows for one test, an option allows for all."""
    assert {"test_fork": "PASSED"} == reported(
        suite("forks", "-k", "test_fork and not thread and not pty", "--allow-fork-during-call")
    )
    assert {"test_cached": "PASSED"} == reported(
        suite("clients", "-k", "test_cached", "--allow-open-client")
    )
