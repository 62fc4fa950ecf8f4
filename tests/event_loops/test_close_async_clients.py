"""Closing async clients before a fork."""

import signal
import subprocess
import sys
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
SWITCH = """
import sys

from google.cloud import iam_admin_v1

action, email = sys.argv[1:]
name = f"projects/-/serviceAccounts/{email}"
with iam_admin_v1.IAMClient() as client:
    getattr(client, f"{action}_service_account")({"name": name}, timeout=60)
"""


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


def test_account_that_is_disabled_is_not_minted_for(cook: Cook, local_iam: LocalIAM) -> None:
    """Its state is the answer, and no token is asked for."""
    account = local_iam.service_accounts[3]
    subprocess.run([sys.executable, "-c", SWITCH, "disable", account], check=True)
    try:
        found = dict(answers(cook(FILE).stdout))
    finally:
        subprocess.run([sys.executable, "-c", SWITCH, "enable", account], check=True)

    assert "disabled" == found.pop(account)
    assert {"valid until"} == {result[:11] for result in found.values()}
    assert len(found) == local_iam.observe().calls[GENERATE]
