"""Streaming results as they come."""

import os
import selectors
import signal
from collections import Counter
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
    """The recipe prints each result while more input may come; the twin waits for its end."""
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


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_interrupt_ends_the_program_at_once(local_iam: LocalIAM, start_method: str) -> None:
    """At Ctrl-C what was answered has been printed, and no call under way is waited for."""
    answered, *others = local_iam.service_accounts
    with live(FILE, start_method=start_method) as running:
        write(running, answered)
        assert read_line(running).startswith(f"{answered}\tvalid until ")
        local_iam.slow(2 * SECONDS, method=GENERATE)
        write(running, *others)
        wait_until(lambda: local_iam.observe().most_in_flight == WORKERS)
        running.signal_all(signal.SIGINT)
        stdout, _ = running.finish()
        assert running.leaves_nothing()

    assert (-signal.SIGINT, "") == (running.process.returncode, stdout)


def test_interrupt_ends_a_program_that_waits_for_input(local_iam: LocalIAM) -> None:
    """At Ctrl-C the program does not wait for another line."""
    account = local_iam.service_accounts[0]
    with live(FILE) as running:
        write(running, account)
        assert read_line(running).startswith(account)
        running.signal_all(signal.SIGINT)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (-signal.SIGINT, "", "") == (running.process.returncode, stdout, stderr)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the others are answered."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_killed_worker_is_told_while_the_input_is_open(local_iam: LocalIAM) -> None:
    """What was under way is named at once, the next input too, and the program ends."""
    local_iam.slow(2 * SECONDS, method=GENERATE)
    *accounts, last = local_iam.service_accounts[: WORKERS + 1]
    with live(FILE) as running:
        write(running, *accounts)
        wait_until(lambda: calls(local_iam) == WORKERS)
        running.workers()[0].kill()
        assert running.process.stderr
        named = [running.process.stderr.readline() for _ in accounts]
        assert running.process.poll() is None
        write(running, last)
        wait_until(lambda: running.process.poll() is not None)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (1, "") == (running.process.returncode, stdout)
    assert Counter(accounts) == Counter(account for account, _ in answers("".join(named)))
    assert [last] == [account for account, _ in answers(stderr)]


def test_killed_worker_ends_a_program_that_has_input(local_iam: LocalIAM) -> None:
    """What it has read is named, each exactly once, and no more is read."""
    local_iam.slow(2 * SECONDS, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        write(running, *accounts)
        wait_until(lambda: calls(local_iam) == WORKERS)
        running.workers()[0].kill()
        wait_until(lambda: running.process.poll() is not None)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    named = Counter(account for account, _ in answers(stderr))

    assert (1, "") == (running.process.returncode, stdout)
    assert WORKERS <= named.total() <= UNANSWERED + 1
    assert Counter(accounts[: named.total()]) == named


def test_program_ends_when_nobody_reads_its_results(local_iam: LocalIAM) -> None:
    """After `| head` the program ends at its next result, though its input is open."""
    first, second, *_ = local_iam.service_accounts
    with live(FILE) as running:
        write(running, first)
        read_line(running)
        assert running.process.stdout
        running.process.stdout.close()
        write(running, second)
        wait_until(lambda: running.process.poll() is not None)
        assert running.process.stderr
        stderr = running.process.stderr.read()
        assert running.leaves_nothing()

    assert (128 + signal.SIGPIPE, "") == (running.process.returncode, stderr)


def test_twin_gives_nothing_while_its_input_is_open(local_iam: LocalIAM) -> None:
    """All calls are made, most are answered, and no answer is printed."""
    accounts = local_iam.service_accounts
    with live(f"{FILE}_broken") as running:
        write(running, *accounts)
        wait_until(lambda: calls(local_iam) == len(accounts))
        with selectors.DefaultSelector() as selector:
            assert running.process.stdout
            selector.register(running.process.stdout, selectors.EVENT_READ)
            assert [] == selector.select(1)
        running.send([])
        stdout, stderr = running.finish()

    assert (0, "") == (running.process.returncode, stderr)
    assert Counter(accounts) == Counter(account for account, _ in answers(stdout))
