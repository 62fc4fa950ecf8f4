"""Closing async clients before a fork."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/close_async_clients"
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
