"""One client for each thread."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "threads/create_client_per_thread"
THREADS = 8


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once."""
    stands(file, start_method)


def test_each_thread_has_a_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """There are as many connections as threads, not as many as calls."""
    local_iam.slow(2)
    cook(FILE)
    observation = local_iam.observe()

    assert THREADS == observation.connections < len(local_iam.service_accounts)
    assert len(local_iam.service_accounts) == observation.calls["GenerateAccessToken"]


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)
