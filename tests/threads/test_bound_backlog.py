"""Bounding the backlog of threads."""

import os
import selectors
from collections import Counter
from itertools import cycle

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import SECONDS, Live, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "threads/bound_backlog"
GET = "GetIamPolicy"
THREADS = 8
AHEAD = 16
READ_AHEAD = 200_000
"""Bytes: more than a pipe and the buffers of Python hold, far less than a second could read."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers a writer who waits for answers; the broken twin does not."""
    stands(file, start_method)


def write(running: Live, *lines: str) -> None:
    """Write lines, and leave the input open."""
    assert running.process.stdin
    running.process.stdin.writelines(f"{line}\n" for line in lines)
    running.process.stdin.flush()


def read_line(running: Live) -> str:
    """Read the next line of the standard output, which comes in time."""
    assert running.process.stdout
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(running.process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            assert selector.select(SECONDS)
            read = os.read(running.process.stdout.fileno(), 1)
            assert read, "the output has ended"
            line += read
    return line.decode()


def test_result_comes_while_the_input_is_open(local_iam: LocalIAM) -> None:
    """Each account is answered before the next one is there to be read."""
    with live(FILE) as running:
        for account in local_iam.service_accounts[:3]:
            write(running, account)
            assert f"{account}\tnobody\n" == read_line(running)
        running.send([])
        stdout, stderr = running.finish()

    assert (0, "", "") == (running.process.returncode, stdout, stderr)


def test_endless_input_is_read_no_faster_than_it_is_answered(local_iam: LocalIAM) -> None:
    """Who writes the input waits, because only so many inputs are submitted at a time."""
    local_iam.slow(0.5, method=GET)
    with live(FILE) as running:
        assert running.process.stdin
        assert running.process.stdout
        source = cycle(f"{account}\n".encode() for account in local_iam.service_accounts)
        written = seen = 0
        os.set_blocking(running.process.stdin.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(running.process.stdin, selectors.EVENT_WRITE)
            selector.register(running.process.stdout, selectors.EVENT_READ)
            while seen < 3 * AHEAD:
                for key, _ in selector.select(SECONDS):
                    if key.fileobj is running.process.stdin:
                        written += os.write(key.fd, next(source))
                    else:
                        seen += os.read(key.fd, 1 << 16).count(b"\n")
        observation = local_iam.observe()

    assert THREADS == observation.most_in_flight
    assert 1 == observation.connections
    assert written < READ_AHEAD


def test_twin_answers_an_input_that_ends(local_iam: LocalIAM) -> None:
    """What the broken twin does wrong is not to be seen with a short file."""
    with live(f"{FILE}_broken") as running:
        running.send(local_iam.service_accounts)
        stdout, stderr = running.finish()

    assert (0, "") == (running.process.returncode, stderr)
    assert set(local_iam.service_accounts) == {account for account, _ in answers(stdout)}


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GET)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_program_ends_when_nobody_reads_its_results(local_iam: LocalIAM) -> None:
    """After `| head` the program ends at the next input, and names what was not printed."""
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        write(running, accounts[0])
        read_line(running)
        assert running.process.stdout
        running.process.stdout.close()
        write(running, accounts[1])
        wait_until(lambda: local_iam.observe().calls[GET] == 2)
        assert running.process.stderr
        named = running.process.stderr.readline()
        write(running, accounts[2])
        wait_until(lambda: running.process.poll() is not None)

    assert running.process.returncode
    assert Counter([accounts[1]]) == Counter(account for account, _ in answers(named))
