"""Calling the synchronous client from async code."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/call_sync_client"
THREADS = 4
PAUSE = 0.05


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; the twin waits in the loop for the loop."""
    stands(file, start_method)


def test_few_threads_share_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """As many call at once as there are threads, and no account is lost."""
    local_iam.slow(1)
    run = cook(FILE)
    observation = local_iam.observe()

    assert "ok" == str(run.outcome)
    assert sorted(local_iam.service_accounts) == sorted(name for name, _ in answers(run.stdout))
    assert (1, THREADS) == (observation.connections, observation.most_in_flight)


def test_calls_of_all_threads_begin_one_after_the_other(cook: Cook, local_iam: LocalIAM) -> None:
    """The loop gives each call its turn, some time after the one before it."""
    run = cook(FILE)

    assert "ok" == str(run.outcome)
    assert PAUSE * len(local_iam.service_accounts) <= run.seconds


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(name for name, _ in answers(run.stderr))
