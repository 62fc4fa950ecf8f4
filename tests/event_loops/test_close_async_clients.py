"""Closing async clients before a fork."""

import signal
from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "event_loops/close_async_clients"
GENERATE = "GenerateAccessToken"
ACCOUNTS = 5


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; with the twin the workers never answer."""
    stands(file, start_method)


def test_each_loop_has_its_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """The parent's loop has one, and each list of accounts has one of a worker's loop."""
    accounts = len(local_iam.service_accounts)
    cook(FILE)
    observation = local_iam.observe()

    assert accounts == observation.calls["GetServiceAccount"]
    assert accounts == observation.calls["GenerateAccessToken"]
    assert 1 + -(-accounts // ACCOUNTS) == observation.connections


@pytest.mark.parametrize("method", ["GetServiceAccount", "GenerateAccessToken"])
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, method: str
) -> None:
    """Each account whose call fails, in either process, is named, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=method)
    run = cook(FILE)
    named = [name for name, _ in answers(run.stderr)]

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(named)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_program(local_iam: LocalIAM, number: signal.Signals) -> None:
    """A signal to the first process alone ends it at once, and leaves nothing running."""
    local_iam.slow(30, method=GENERATE)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > 0)
        running.process.send_signal(number)
        running.finish()
        assert running.leaves_nothing()

    assert -number == running.process.returncode


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """Answers that had arrived are printed; every other account is named with the error."""
    local_iam.slow(2, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        running.send(accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > 2 * ACCOUNTS)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    minted, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert minted
    assert failed
    assert Counter(accounts) == Counter(email for email, _ in minted + failed)
