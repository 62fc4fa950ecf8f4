"""Keeping all threads together within a quota."""

from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "threads/respect_quota"
GENERATE = "GenerateAccessToken"
THREADS = 8
ATTEMPTS = 5


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe waits as the service asks, and mints for all; the twin's threads give up."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(GENERATE, 0)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE, faults=False)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in answers(run.stderr))
    assert len(local_iam.service_accounts) == calls(local_iam)


def test_all_threads_wait_when_one_is_told_to(cook: Cook, local_iam: LocalIAM) -> None:
    """Every account is answered, and a quota that runs out costs each thread a call at most."""
    accounts = local_iam.service_accounts
    local_iam.quota(len(accounts) // 2, minute=10)
    run = cook(FILE)

    assert "ok" == str(run.outcome)
    assert Counter(accounts) == Counter(name for name, _ in answers(run.stdout))
    assert len(accounts) < calls(local_iam) <= len(accounts) + THREADS


def test_threads_together_stay_below_the_rate(cook: Cook, local_iam: LocalIAM) -> None:
    """No call begins sooner after the one before it than the rate permits, so few overlap."""
    local_iam.slow(0.2, method=GENERATE)
    run = cook(FILE, "120", faults=False)

    assert "ok" == str(run.outcome)
    assert local_iam.observe().most_in_flight < THREADS
    assert (len(local_iam.service_accounts) - 1) * 60 / 120 <= run.seconds


@pytest.mark.parametrize("number", ["many", "0", "-1", "nan"])
def test_what_is_no_rate_is_one_line(cook: Cook, local_iam: LocalIAM, number: str) -> None:
    """The line names the argument, and no call is made."""
    run = cook(FILE, number, faults=False)

    assert "raises SystemExit" == str(run.outcome)
    assert [True] == [number in line for line in run.stderr.splitlines()]
    assert 0 == calls(local_iam)


def test_account_that_is_refused_too_often_is_an_error(cook: Cook, local_iam: LocalIAM) -> None:
    """Where the quota does not come back, each account is named after its last attempt."""
    local_iam.quota(0, minute=0.2)
    run = cook(FILE, faults=False)

    assert "raises SystemExit" == str(run.outcome)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in answers(run.stderr))
    assert ATTEMPTS * len(local_iam.service_accounts) == calls(local_iam)
