"""Stopping threads amid a thousand calls."""

import signal
from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "threads/stop_cleanly"
TWIN = f"{FILE}_broken"
SIGN = "SignBlob"
LINES = [f"line {number:03}" for number in range(1000)]
THREADS = 8


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, TWIN))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """At its time limit the recipe has said of every line what became of it; the twin is dead."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(SIGN, 0)


def signed(stdout: str) -> list[str]:
    return [line for line, result in answers(stdout) if not result.startswith("not done")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_calls_end_and_accounts_for_each_line(
    local_iam: LocalIAM, number: signal.Signals
) -> None:
    """What was called is signed, and each other line is named once as not done."""
    local_iam.slow(1, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) > THREADS)
        running.signal_all(number)
        stdout, stderr = running.finish()

    assert (128 + number, "") == (running.process.returncode, stderr)
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))
    assert THREADS < len(signed(stdout)) == calls(local_iam) < len(LINES)
    assert f"not done: {number.name}" in stdout


@pytest.mark.parametrize("fault", ["no answer", "unavailable"])
def test_calls_that_do_not_end_are_cancelled_after_the_grace(
    local_iam: LocalIAM, fault: str
) -> None:
    """They are failures, each other line is named as not done, and the program ends."""
    if fault == "unavailable":
        local_iam.fail("UNAVAILABLE", method=SIGN)
    else:
        local_iam.slow(600, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) >= THREADS)
        running.signal_all(signal.SIGTERM)
        stdout, stderr = running.finish()

    assert 128 + signal.SIGTERM == running.process.returncode
    assert LINES[:THREADS] == sorted(line for line, _ in answers(stderr))
    assert "closed" in stderr
    assert "Timeout of" not in stderr
    assert LINES[THREADS:] == [line for line, _ in answers(stdout)]


def test_further_signals_change_nothing(local_iam: LocalIAM) -> None:
    """SIGTERM after Ctrl-C does not break into calls under way, and the first signal counts."""
    local_iam.slow(3, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) >= THREADS)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            running.process.send_signal(number)
        stdout, stderr = running.finish()

    assert (128 + signal.SIGINT, "") == (running.process.returncode, stderr)
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))
    assert calls(local_iam) == len(signed(stdout)) < len(LINES)


def test_all_lines_are_signed_where_nothing_stops_the_program(local_iam: LocalIAM) -> None:
    """The program ends by itself, and the exit code is 0."""
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES[:100])
        stdout, stderr = running.finish()

    assert (0, "") == (running.process.returncode, stderr)
    assert LINES[:100] == sorted(signed(stdout))


def test_failed_call_is_reported_with_its_line(local_iam: LocalIAM) -> None:
    """Each line whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES[:20])
        stdout, stderr = running.finish()

    assert (1, "") == (running.process.returncode, stdout)
    assert Counter(LINES[:20]) == Counter(line for line, _ in answers(stderr))


@pytest.mark.parametrize("seconds", ["long", "0", "-1", "nan", "inf"])
def test_what_is_no_time_is_one_line(cook: Cook, local_iam: LocalIAM, seconds: str) -> None:
    """The line names the argument, and no call is made."""
    run = cook(FILE, local_iam.service_accounts[0], seconds, faults=False)

    assert "raises SystemExit" == str(run.outcome)
    assert [True] == [seconds in line for line in run.stderr.splitlines()]
    assert 0 == calls(local_iam)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_default_handling_loses_lines(local_iam: LocalIAM, number: signal.Signals) -> None:
    """With real signals, too, the twin leaves calls unanswered and lines unnamed."""
    local_iam.slow(1, method=SIGN)
    with live(TWIN, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) > THREADS)
        running.signal_all(number)
        stdout, stderr = running.finish()

    assert 0 != running.process.returncode
    assert len(answers(stdout)) < calls(local_iam)
    assert "not done" not in stdout + stderr
