"""The REST transport in threads."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "threads/use_rest"
SIGN = "SignJwt"
AUDIENCE = "https://example.com"
THREADS = 10


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """Every account is answered exactly once."""
    stands(file, start_method)


def test_no_connection_is_made_twice(cook: Cook, local_iam: LocalIAM) -> None:
    """There are no more connections than threads, and none is discarded."""
    local_iam.slow(1, method=SIGN)
    run = cook(FILE)
    seen = local_iam.observe()

    assert "ok" == str(run.outcome)
    assert "" == run.stderr
    assert 1 < seen.connections <= THREADS
    assert seen.most_in_flight <= THREADS
    assert {SIGN: len(local_iam.service_accounts)} == seen.calls


def test_broken_connections_lose_no_account(local_iam: LocalIAM) -> None:
    """Calls whose connections break are made again on new ones."""
    local_iam.slow(2, method=SIGN)
    accounts = local_iam.service_accounts
    with live(FILE, AUDIENCE) as running:
        running.send(accounts)
        wait_until(lambda: local_iam.observe().most_in_flight == THREADS)
        local_iam.cut()
        stdout, stderr = running.finish()

    assert (0, "") == (running.process.returncode, stderr)
    assert sorted(accounts) == sorted(email for email, _ in answers(stdout))
    assert local_iam.observe().calls[SIGN] > len(accounts)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=SIGN)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))
