"""Sharing one loop, and the client that lives in it, among threads."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/share_one_loop"
THREADS = 4
CALLS = ("GetServiceAccount", "ListServiceAccountKeys", "GetIamPolicy")


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; the broken twin waits in the wrong loop."""
    stands(file, start_method)


def test_threads_share_one_client(cook: Cook, local_iam: LocalIAM) -> None:
    """All calls travel on one connection, and there are more at once than there are threads."""
    local_iam.slow(1)
    cook(FILE)
    observation = local_iam.observe()

    assert dict.fromkeys(CALLS, len(local_iam.service_accounts)) == observation.calls
    assert 1 == observation.connections
    assert THREADS < observation.most_in_flight <= THREADS * len(CALLS)


def test_each_account_is_described(cook: Cook, local_iam: LocalIAM) -> None:
    """The first seeded accounts are enabled, hold no key, one, and two, and grant nothing."""
    described = dict(answers(cook(FILE).stdout))
    first = [described[email] for email in local_iam.service_accounts[:3]]

    assert [f"enabled, keys: {keys}, roles granted on it: 0" for keys in range(3)] == first


@pytest.mark.parametrize("method", CALLS)
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, method: str
) -> None:
    """Whichever call fails, each account is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=method)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert local_iam.service_accounts == [email for email, _ in answers(run.stderr)]


def test_no_call_is_left_under_way_where_another_has_failed(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """A thread takes its next account when all calls for the last one have ended."""
    failing, slow, _ = CALLS
    local_iam.fail("PERMISSION_DENIED", method=failing)
    local_iam.slow(2, method=slow)
    cook(FILE)

    assert local_iam.observe().most_in_flight <= THREADS * len(CALLS)
