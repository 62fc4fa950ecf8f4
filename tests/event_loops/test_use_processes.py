"""Processes that an event loop hands work to, each with a loop and a client of its own."""

import signal
from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "event_loops/use_processes"
GENERATE = "GenerateIdToken"
PROCESSES = 2
CHUNK = 5


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; the twin's workers die before they answer."""
    stands(file, start_method)


def test_workers_keep_their_loop_and_client(cook: Cook, local_iam: LocalIAM) -> None:
    """A worker makes one connection for all its calls, several at once; the loop has its own."""
    local_iam.slow(1, method=GENERATE)
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[GENERATE]
    assert 2 <= observation.connections <= PROCESSES + 1
    assert PROCESSES < observation.most_in_flight <= PROCESSES * CHUNK


def test_tokens_stay_in_the_workers(cook: Cook) -> None:
    """What is printed tells of a token, and is no part of it."""
    run = cook(FILE)

    assert {"a token of"} == {result[:10] for _, result in answers(run.stdout)}
    assert "eyJ" not in run.stdout + run.stderr


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)
    named = answers(run.stderr)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(email for email, _ in named)
    assert all("PERMISSION_DENIED" in error for _, error in named)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_program(local_iam: LocalIAM, number: signal.Signals) -> None:
    """A signal to the first process alone ends it at once, and leaves nothing running."""
    local_iam.slow(30, method=GENERATE)
    with live(FILE, local_iam.project) as running:
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > 0)
        running.process.send_signal(number)
        running.finish()
        assert running.leaves_nothing()

    assert -number == running.process.returncode


def test_project_that_cannot_be_listed_is_one_line(cook: Cook, local_iam: LocalIAM) -> None:
    """Without a list there is nothing to answer: the error of the list is all that is printed."""
    local_iam.fail("PERMISSION_DENIED", method="ListServiceAccounts")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert ("", 1) == (run.stdout, len(run.stderr.splitlines()))
    assert run.stderr.startswith("403 ")


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """Answers that had arrived are printed; every other account is named with the error."""
    local_iam.slow(2, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE, local_iam.project) as running:
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > PROCESSES * CHUNK)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    minted, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert minted
    assert failed
    assert Counter(accounts) == Counter(email for email, _ in minted + failed)
