"""Going past the limit of calls on one connection."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.jobs.threads import AT_ONCE, STREAMS
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "threads/use_more_connections"
CLIENTS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs every line exactly once; in the twin some wait too long for their turn."""
    stands(file, start_method)


def test_all_calls_are_under_way_at_once(cook: Cook, local_iam: LocalIAM) -> None:
    """Each connection carries its share of the calls, which together exceed the limit of one."""
    cook(FILE)
    observation = local_iam.observe()

    assert [AT_ONCE // CLIENTS] * CLIENTS == observation.calls_per_connection
    assert observation.most_in_flight > STREAMS


def test_twin_never_has_more_under_way_than_one_connection_carries(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """All calls of the twin travel on one connection, and those above its limit wait."""
    run = cook(f"{FILE}_broken")
    observation = local_iam.observe()

    assert 1 == observation.connections
    assert STREAMS <= observation.most_in_flight < AT_ONCE
    assert {"504 Deadline Exceeded"} == {error for _, error in answers(run.stderr)}


def test_failed_call_is_reported_with_its_line(cook: Cook, local_iam: LocalIAM) -> None:
    """Each line whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert {f"order-{number:04}" for number in range(AT_ONCE)} == set(named)
