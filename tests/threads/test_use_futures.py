"""Having many calls under way without a thread for each."""

from collections import Counter

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "threads/use_futures"
MINT = "GenerateAccessToken"
UNDER_WAY = 100
FEW = 20
"""Threads: those of Python and gRPC together are fewer, with any number of calls under way."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once; the broken twin ends before its calls do."""
    stands(file, start_method)


def test_many_calls_are_under_way_with_few_threads(local_iam: LocalIAM) -> None:
    """As many calls as the bound are under way, on one connection, and each is answered."""
    local_iam.slow(4, method=MINT)
    emails = local_iam.service_accounts * 8
    with live(FILE) as running:
        running.send(emails)
        wait_until(lambda: local_iam.observe().most_in_flight == UNDER_WAY)
        wait_until(lambda: psutil.Process(running.process.pid).num_threads() < FEW)
        local_iam.heal()
        stdout, stderr = running.finish()
    seen = local_iam.observe()

    assert (0, "") == (running.process.returncode, stderr)
    assert Counter(emails) == Counter(email for email, _ in answers(stdout))
    assert {MINT: len(emails)} == seen.calls
    assert (1, UNDER_WAY) == (seen.connections, seen.most_in_flight)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=MINT)
    run = cook(FILE)
    named = answers(run.stderr)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in named)
    assert all(error.startswith("403 ") for _, error in named)


def test_call_without_an_answer_ends_at_its_deadline(cook: Cook, local_iam: LocalIAM) -> None:
    """All deadlines run at the same time, and each account is named."""
    local_iam.slow(300, method=MINT)
    named = answers(cook(FILE).stderr)

    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in named)
    assert all(error.startswith("504 ") for _, error in named)


def test_twin_ends_as_if_all_were_well(cook: Cook) -> None:
    """The twin prints nothing and ends with 0."""
    run = cook(f"{FILE}_broken")

    assert ("ok", "", "") == (str(run.outcome), run.stdout, run.stderr)
