"""Streaming results as they come, beside a progress bar."""

import os
import pty
import re
import selectors
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import SECONDS, Live, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/stream_results"
GENERATE = "GenerateAccessToken"
WORKERS = 4
UNANSWERED = 8
READ_AHEAD = 200_000
"""Bytes: more than a pipe and the buffers of Python hold, far less than a second could read."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe prints each result as one line; the twin's bar makes of it what it likes."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(GENERATE, 0)


def write(running: Live, *lines: str) -> None:
    """Write lines, and leave the input open."""
    assert running.process.stdin
    running.process.stdin.writelines(f"{line}\n" for line in lines)
    running.process.stdin.flush()


def read_line(running: Live) -> str:
    """Read the next line of the standard output, which comes in time."""
    assert running.process.stdout
    line: list[str] = []
    with selectors.DefaultSelector() as selector:
        selector.register(running.process.stdout, selectors.EVENT_READ)
        while not line or line[-1] != "\n":
            assert selector.select(SECONDS)
            line.append(os.read(running.process.stdout.fileno(), 1).decode())
            assert line[-1], "the output has ended"
    return "".join(line)


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_result_comes_while_the_input_is_open(local_iam: LocalIAM, start_method: str) -> None:
    """Each account is answered before the next one is there to be read."""
    with live(FILE, start_method=start_method) as running:
        for account in local_iam.service_accounts[:3]:
            write(running, account)
            assert read_line(running).startswith(f"{account}\tvalid until ")
        running.send([])
        stdout, stderr = running.finish()

    assert (0, "", "") == (running.process.returncode, stdout, stderr)


def test_endless_input_is_read_no_faster_than_it_is_answered(local_iam: LocalIAM) -> None:
    """Who writes the input waits, because only so many inputs are submitted at a time."""
    local_iam.slow(1, method=GENERATE)
    with live(FILE) as running:
        assert running.process.stdin
        assert running.process.stdout
        source = cycle(f"{account}\n".encode() for account in local_iam.service_accounts)
        written = seen = 0
        os.set_blocking(running.process.stdin.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(running.process.stdin, selectors.EVENT_WRITE)
            selector.register(running.process.stdout, selectors.EVENT_READ)
            while seen < 3 * UNANSWERED:
                for key, _ in selector.select(SECONDS):
                    if key.fileobj is running.process.stdin:
                        written += os.write(key.fd, next(source))
                    else:
                        seen += os.read(key.fd, 1 << 16).count(b"\n")
        most_in_flight = local_iam.observe().most_in_flight

    assert WORKERS == most_in_flight
    assert written < READ_AHEAD


@pytest.mark.parametrize(
    ("start_method", "open_input"), [("fork", True), ("fork", False), ("spawn", True)]
)
def test_interrupt_loses_nothing_that_was_read(
    local_iam: LocalIAM, start_method: str, open_input: bool
) -> None:
    """At Ctrl-C what was submitted is answered, the rest is named, and the program ends."""
    local_iam.slow(2, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE, start_method=start_method) as running:
        write(running, *accounts)
        if not open_input:
            running.send([])
        wait_until(lambda: calls(local_iam) >= WORKERS)
        running.signal_all(signal.SIGINT)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    minted = [account for account, _ in answers(stdout)]
    assert 1 == running.process.returncode
    assert Counter(accounts) == Counter(minted) + Counter(account for account, _ in answers(stderr))
    assert {"read, but not submitted"} == {error for _, error in answers(stderr)}
    assert WORKERS <= len(minted) == calls(local_iam)


def test_interrupt_ends_a_program_that_waits_for_input(local_iam: LocalIAM) -> None:
    """At Ctrl-C the program does not wait for another line."""
    account = local_iam.service_accounts[0]
    with live(FILE) as running:
        write(running, account)
        assert read_line(running).startswith(account)
        running.signal_all(signal.SIGINT)
        stdout, stderr = running.finish()

    assert (0, "", "") == (running.process.returncode, stdout, stderr)


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Make a terminal to write to, and the end from which to read what was written."""
    reader, writer = pty.openpty()
    os.set_blocking(reader, False)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def test_progress_is_on_the_terminal_and_results_are_in_the_file(local_iam: LocalIAM) -> None:
    """The bar is drawn on standard error; standard output holds results and nothing else."""
    accounts = local_iam.service_accounts
    with terminal() as (reader, writer), live(FILE, stderr=writer) as running:
        running.send(accounts)
        stdout, _ = running.finish()
        drawn = os.read(reader, 1 << 20).decode()

    assert Counter(accounts) == Counter(account for account, _ in answers(stdout))
    assert len(accounts) == len(stdout.splitlines())
    assert "\x1b" not in stdout
    assert re.search(rf"minting .*{len(accounts)}", drawn)


def test_results_on_the_terminal_are_the_progress(local_iam: LocalIAM) -> None:
    """Where standard output is a terminal no bar is drawn over it."""
    with terminal() as (reader, writer), live(FILE, stdout=writer, stderr=writer) as running:
        running.send(local_iam.service_accounts[:2])
        running.finish()
        drawn = os.read(reader, 1 << 20).decode()

    assert 2 == len(answers(drawn)) == len(drawn.splitlines())


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the others are answered."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


@pytest.mark.parametrize("inputs", [WORKERS, 20], ids=["waiting", "reading"])
def test_killed_worker_ends_the_program(local_iam: LocalIAM, inputs: int) -> None:
    """Where a worker dies the program ends with its input open, and each account is named."""
    local_iam.slow(5, method=GENERATE)
    accounts = local_iam.service_accounts[:inputs]
    with live(FILE) as running:
        write(running, *accounts)
        wait_until(lambda: calls(local_iam) >= WORKERS)
        running.workers()[0].kill()
        wait_until(lambda: running.process.poll() is not None)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 1 == running.process.returncode
    assert Counter(accounts) == Counter(account for account, _ in answers(stdout + stderr))


def test_program_ends_when_nobody_reads_its_results(local_iam: LocalIAM) -> None:
    """After `| head` the program ends with its input open, and names what was not read."""
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        write(running, accounts[0])
        read_line(running)
        assert running.process.stdout
        running.process.stdout.close()
        write(running, accounts[1])
        wait_until(lambda: running.process.poll() is not None)
        assert running.process.stderr
        stderr = running.process.stderr.read()
        assert running.leaves_nothing()

    assert running.process.returncode
    assert [accounts[1]] == [account for account, _ in answers(stderr)]
