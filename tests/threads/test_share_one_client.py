"""Sharing one client among threads."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live
from tests.support.recipes import Cook, Stands

FILE = "threads/share_one_client"
LIST_KEYS = "ListServiceAccountKeys"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin runs out of files."""
    stands(file, start_method)


def test_threads_use_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """All threads' calls arrive on one connection, several at a time."""
    local_iam.slow(0.2, method=LIST_KEYS)
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[LIST_KEYS]
    assert 1 == observation.connections
    assert observation.most_in_flight > 1


def test_twin_makes_a_connection_for_each_call(local_iam: LocalIAM) -> None:
    """Where files are not limited, the twin does the job over as many connections as calls."""
    with live(f"{FILE}_broken", local_iam.project) as running:
        stdout, _ = running.finish()
    observation = local_iam.observe()

    assert 0 == running.process.returncode
    assert set(local_iam.service_accounts) == {account for account, _ in answers(stdout)}
    assert 1 + len(local_iam.service_accounts) == observation.connections


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=LIST_KEYS)
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)


def test_project_that_cannot_be_listed_is_one_line(cook: Cook, local_iam: LocalIAM) -> None:
    """Without a list there is nothing to answer: the error of the list is all that is printed."""
    local_iam.fail("PERMISSION_DENIED", method="ListServiceAccounts")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert ["403"] == [line[:3] for line in run.stderr.splitlines()]


def test_oldest_key_of_each_account_is_named(cook: Cook, local_iam: LocalIAM) -> None:
    """The first seeded accounts hold no key, one of 12 days, and two, the older of 123 days."""
    ages = dict(answers(cook(FILE).stdout))
    first = [ages[email] for email in local_iam.service_accounts[:3]]

    assert ["no keys", "oldest of 1 keys: 12 days", "oldest of 2 keys: 123 days"] == first
