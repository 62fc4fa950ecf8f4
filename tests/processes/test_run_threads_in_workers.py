"""Running threads in each worker."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/run_threads_in_workers"
GENERATE = "GenerateAccessToken"
PROCESSES = 2
THREADS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe mints a token for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_threads_of_a_worker_share_its_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """There are as many connections as processes, and as many calls under way as threads."""
    local_iam.slow(1, method=GENERATE)
    cook(FILE)
    observation = local_iam.observe()

    assert {GENERATE: len(local_iam.service_accounts)} == observation.calls
    assert PROCESSES == observation.connections
    assert PROCESSES * THREADS == observation.most_in_flight


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_workers_that_cannot_start_are_an_error_of_each_account(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is logged, and each account is named once, also those not yet submitted.

    Python may forget a task that is submitted at the very moment of a death: only the limit ends
    the wait for it.
    """
    emails = [f"{number}.{email}" for email in local_iam.service_accounts for number in range(2000)]
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "nonsense")  # a client raises, no parent
    with live(FILE, program=impatient(FILE, tmp_path)) as running:
        running.send(emails)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (1, "") == (running.process.returncode, stdout)
    assert "MutualTLSChannelError" in stderr
    assert Counter(emails) == Counter(name for name, _ in answers(stderr))


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """Accounts whose worker was killed end as errors with their names, each exactly once."""
    local_iam.slow(5, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        running.send(accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) == PROCESSES * THREADS)
        running.workers()[0].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 1 == running.process.returncode
    assert Counter(accounts) == Counter(email for email, _ in answers(stdout) + answers(stderr))
    assert "terminated abruptly" in stderr
