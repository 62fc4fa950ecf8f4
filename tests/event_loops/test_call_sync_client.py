"""Calling the synchronous client from async code."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/call_sync_client"
THREADS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; the twin's watchdog ends it before."""
    stands(file, start_method)


def test_loop_goes_on_while_calls_take_longer_than_its_watchdog_waits(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """The threads share one connection, no more of them call than is allowed, and none is lost."""
    local_iam.slow(4)
    run = cook(FILE)
    observation = local_iam.observe()

    assert "ok" == str(run.outcome)
    assert local_iam.service_accounts == [name for name, _ in answers(run.stdout)]
    assert 1 == observation.connections
    assert 1 < observation.most_in_flight <= THREADS


def test_watchdog_shows_where_the_loop_stands_still(cook: Cook, local_iam: LocalIAM) -> None:
    """The twin ends without an answer; its last words name the function that holds up the loop."""
    assert local_iam.service_accounts
    run = cook(f"{FILE}_broken")

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert "Timeout (0:00:03)!" in run.stderr
    assert "in mint" in run.stderr


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert local_iam.service_accounts == [name for name, _ in answers(run.stderr)]
