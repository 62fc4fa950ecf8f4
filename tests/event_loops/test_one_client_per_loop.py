"""One async client for each event loop."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/one_client_per_loop"
BATCH = 8


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; with the twin only those of the first loop are."""
    stands(file, start_method)


def test_each_loop_has_its_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """The calls of a batch share the client of their loop."""
    accounts = len(local_iam.service_accounts)
    cook(FILE)
    observation = local_iam.observe()

    assert accounts == observation.calls["GenerateAccessToken"]
    assert -(-accounts // BATCH) == observation.connections
    assert BATCH == max(observation.calls_per_connection)


def test_calls_of_a_batch_run_at_once(cook: Cook, local_iam: LocalIAM) -> None:
    """While one call of a loop waits for its answer the others are under way."""
    local_iam.slow(2)
    cook(FILE)

    assert 1 < local_iam.observe().most_in_flight <= BATCH


def test_twin_answers_the_first_batch(cook: Cook, local_iam: LocalIAM) -> None:
    """The client works in the loop that created it, and each account of the others is named."""
    accounts = local_iam.service_accounts
    run = cook(f"{FILE}_broken")
    failed = [(name, error) for name, error in answers(run.stderr) if name in accounts]

    assert accounts[:BATCH] == [name for name, _ in answers(run.stdout)]
    assert [(name, "Event loop is closed") for name in accounts[BATCH:]] == failed


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert local_iam.service_accounts == [name for name, _ in answers(run.stderr)]
