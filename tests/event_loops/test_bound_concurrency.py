"""Bounding the calls that run at once in one event loop."""

import os
import selectors

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.jobs import job_of
from tests.runner import answers
from tests.support.live import SECONDS, live
from tests.support.recipes import Cook, Stands

FILE = "event_loops/bound_concurrency"
CALLS = 16
READ_AHEAD = 1 << 19
"""Bytes: more than the recipe, the pipe and Python's buffers hold, far less than all input."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every line is signed exactly once; in the twin some wait too long for their turn."""
    stands(file, start_method)


def test_input_is_read_no_faster_than_it_is_answered(local_iam: LocalIAM) -> None:
    """Who writes the input waits, and no more calls are under way than there is room for."""
    local_iam.slow(4)
    with live(FILE, local_iam.service_accounts[0]) as running:
        assert running.process.stdin
        assert running.process.stdout
        written = seen = 0
        os.set_blocking(running.process.stdin.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(running.process.stdin, selectors.EVENT_WRITE)
            selector.register(running.process.stdout, selectors.EVENT_READ)
            while not seen:
                for key, _ in selector.select(SECONDS):
                    if key.fileobj is running.process.stdin:
                        written += os.write(key.fd, b"line\n" * 100)
                    else:
                        seen += len(os.read(key.fd, 1 << 16))
        most_in_flight = local_iam.observe().most_in_flight

    assert CALLS == most_in_flight
    assert written < READ_AHEAD


def test_twin_has_too_many_calls_for_their_deadline(cook: Cook, local_iam: LocalIAM) -> None:
    """Lines are lost in the twin for nothing but their deadline."""
    run = cook(f"{FILE}_broken")

    assert {"504 Deadline Exceeded"} == {error for _, error in answers(run.stderr)}


def test_failed_call_is_reported_with_its_line(cook: Cook, local_iam: LocalIAM) -> None:
    """Each line whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)
    lines = job_of(FILE).work(local_iam.project, local_iam.service_accounts).inputs

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(lines) == sorted(name for name, _ in answers(run.stderr))
