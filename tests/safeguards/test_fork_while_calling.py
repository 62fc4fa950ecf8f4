"""The program behind the fork gate; the attacks on the gate are in the folder fork_gate."""

import signal

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "safeguards/fork_while_calling"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails in a worker is named with the error; the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method="SignBlob")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)


def test_failed_call_of_the_parent_is_reported(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose token could not be minted is named, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method="GenerateAccessToken")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert set(local_iam.service_accounts) == set(dict(answers(run.stdout)))
    assert "permission" in run.stderr.lower()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_program(local_iam: LocalIAM, number: signal.Signals) -> None:
    """A signal to the first process alone ends it at once, and leaves nothing running."""
    local_iam.slow(60, method="SignBlob")
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get("SignBlob", 0) > 0)
        running.process.send_signal(number)
        assert running.leaves_nothing()
        running.finish()

    assert -number == running.process.returncode
