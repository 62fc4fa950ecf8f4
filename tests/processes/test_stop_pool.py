"""Stopping a pool of workers amid its calls."""

import os
import signal
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Stands

FILE = "processes/stop_pool"
SIGN = "SignBlob"
LINES = [f"line {number}" for number in range(40)]
WORKERS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """At its time limit the recipe has said of every line what became of it; the twin has not."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(SIGN, 0)


def signed(stdout: str) -> list[str]:
    return [line for line, result in answers(stdout) if not result.startswith("not done")]


@pytest.mark.parametrize(
    ("number", "to_group", "start_method"),
    [
        (signal.SIGTERM, False, "fork"),
        (signal.SIGTERM, True, "fork"),
        (signal.SIGINT, True, "fork"),
        (signal.SIGTERM, True, "spawn"),
        (signal.SIGINT, True, "forkserver"),
    ],
)
def test_signal_lets_calls_end_and_accounts_for_each_line(
    local_iam: LocalIAM, number: signal.Signals, to_group: bool, start_method: str
) -> None:
    """What was called is signed, the rest is named once as not done, and nothing runs on."""
    local_iam.slow(2, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300", start_method=start_method) as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) >= WORKERS)
        if to_group:
            running.signal_all(number)
        else:
            running.process.send_signal(number)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 128 + number == running.process.returncode
    assert "" == stderr
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))
    assert calls(local_iam) == len(signed(stdout)) < len(LINES)
    assert f"not done: {number.name}" in stdout


def test_another_signal_shortens_no_call(local_iam: LocalIAM) -> None:
    """Who sends a second signal waits as long, and each call under way still ends."""
    local_iam.slow(3, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) >= WORKERS)
        for number in (signal.SIGTERM, signal.SIGINT):
            running.process.send_signal(number)
        stdout, stderr = running.finish()

    assert running.process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    assert "" == stderr
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))
    assert calls(local_iam) == len(signed(stdout)) < len(LINES)


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_signal_does_not_reach_workers_that_still_start(
    local_iam: LocalIAM, start_method: str
) -> None:
    """A signal to all processes, sent as soon as they are there, costs no line either."""
    with live(FILE, local_iam.service_accounts[0], "300", start_method=start_method) as running:
        running.send(LINES)
        wait_until(lambda: len(running.workers()) == WORKERS)
        running.signal_all(signal.SIGTERM)
        stdout, stderr = running.finish()

    assert 128 + signal.SIGTERM == running.process.returncode
    assert "" == stderr
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))


def test_grace_ends_what_does_not_end(local_iam: LocalIAM) -> None:
    """Workers that are stuck are killed when the grace is over, and their lines are failures."""
    local_iam.slow(5, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(LINES)
        wait_until(lambda: calls(local_iam) >= WORKERS)
        for worker in running.workers():
            worker.send_signal(signal.SIGSTOP)
        running.process.send_signal(signal.SIGTERM)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 128 + signal.SIGTERM == running.process.returncode
    assert LINES[:WORKERS] == sorted(line for line, _ in answers(stderr))
    assert LINES[WORKERS:] == [line for line, _ in answers(stdout)]


def test_time_limit_is_no_error(local_iam: LocalIAM) -> None:
    """At its own limit the program stops in the same way, and the exit code is 0."""
    local_iam.slow(1, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "3") as running:
        running.send(LINES)
        stdout, stderr = running.finish()

    assert 0 == running.process.returncode
    assert "" == stderr
    assert Counter(LINES) == Counter(line for line, _ in answers(stdout))
    assert "not done: SIGALRM" in stdout


def test_failed_call_is_reported_with_its_line(local_iam: LocalIAM) -> None:
    """Each line whose call fails is named once with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send([*LINES, *LINES[:2]])
        stdout, stderr = running.finish()

    assert (1, "") == (running.process.returncode, stdout)
    assert Counter(LINES) == Counter(line for line, _ in answers(stderr))
    assert all("PERMISSION_DENIED" in error for _, error in answers(stderr))


def test_line_that_is_no_text_is_an_error_among_the_others(
    local_iam: LocalIAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What raises before the call is that line's answer, too; the other lines are signed."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:surrogateescape")  # as in the locale C
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        assert running.process.stdin
        os.write(running.process.stdin.fileno(), b"\xff\n")
        running.send(LINES)
        stdout, stderr = running.finish()

    assert 1 == running.process.returncode
    assert [r"\udcff"] == [line for line, _ in answers(stderr)]
    assert Counter(LINES) == Counter(signed(stdout))


@pytest.mark.parametrize("lines", [LINES, LINES[:2]], ids=["busy", "idle"])
def test_death_of_workers_stops_the_pool(local_iam: LocalIAM, lines: list[str]) -> None:
    """Where a worker dies the program ends, and says of each line what became of it."""
    local_iam.slow(5, method=SIGN)
    with live(FILE, local_iam.service_accounts[0], "300") as running:
        running.send(lines)
        wait_until(lambda: calls(local_iam) >= min(WORKERS, len(lines)))
        busy = {worker.pid for worker in running.workers() if is_calling(worker)}
        idle = [worker for worker in running.workers() if worker.pid not in busy]
        for worker in idle or running.workers()[:1]:
            with suppress(psutil.NoSuchProcess):  # the program ends them at the first death
                worker.kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 1 == running.process.returncode
    assert Counter(lines) == Counter(line for line, _ in answers(stdout) + answers(stderr))


def is_calling(worker: psutil.Process) -> bool:
    """Tell whether a worker holds a connection to the local IAM."""
    return any(connection.raddr for connection in worker.net_connections("tcp"))
