"""Creating a client in each worker of an executor."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, START_METHODS
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/create_in_executor_worker"
GENERATE = "GenerateAccessToken"
WORKERS = 4
NO_CLIENT = ("GOOGLE_API_USE_MTLS_ENDPOINT", "nonsense")
"""A variable with which there are credentials, and no client can be created."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe mints a token for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_workers_keep_their_client(cook: Cook, local_iam: LocalIAM) -> None:
    """A worker makes one connection for all its calls, not one for each."""
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[GENERATE]
    assert 1 <= observation.connections <= WORKERS


def test_tokens_stay_in_the_workers(cook: Cook) -> None:
    """What is printed is when a token ends, and no part of the token."""
    run = cook(FILE)

    assert {"valid until"} == {result[:11] for _, result in answers(run.stdout)}
    assert "eyJ" not in run.stdout + run.stderr


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)


def test_workers_that_cannot_start_are_an_error_of_each_account(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is logged, and each account is named once, also those not yet submitted.

    Python may forget a task that is submitted at the very moment of a death: only the limit ends
    the wait for it.
    """
    emails = [f"{number}.{email}" for email in local_iam.service_accounts for number in range(2000)]
    monkeypatch.setenv(*NO_CLIENT)
    with live(FILE, program=impatient(FILE, tmp_path)) as running:
        running.send(emails)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (1, "") == (running.process.returncode, stdout)
    assert "MutualTLSChannelError" in stderr
    assert Counter(emails) == Counter(name for name, _ in answers(stderr))


@pytest.mark.parametrize("start_method", START_METHODS)
def test_killed_worker_loses_no_account(local_iam: LocalIAM, start_method: str) -> None:
    """Answers that had arrived are printed; every other account is named with the error."""
    local_iam.slow(1, method=GENERATE)
    with live(FILE, start_method=start_method) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > WORKERS)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    minted, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert minted
    assert failed
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in minted + failed)
