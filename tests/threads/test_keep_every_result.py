"""Keeping every result, where some calls fail."""

from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.jobs import job_of
from tests.runner import answers
from tests.support.live import live
from tests.support.recipes import Cook, Stands

FILE = "threads/keep_every_result"
GET = "GetServiceAccount"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account beside one that fails; the broken twin does not."""
    stands(file, start_method)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GET)
    run = cook(FILE)
    work = job_of(FILE).work(local_iam.project, local_iam.service_accounts)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert work.stdin.split() == [email for email, _ in answers(run.stderr)]


def test_account_is_answered_or_named_and_never_both(local_iam: LocalIAM) -> None:
    """Where half of the calls fail, each account is printed once, on one output or the other."""
    local_iam.fail("PERMISSION_DENIED", rate=0.5, method=GET)
    accounts = [*local_iam.service_accounts, *local_iam.service_accounts]
    with live(FILE) as running:
        running.send(accounts)
        stdout, stderr = running.finish()
    found, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert found
    assert failed
    assert Counter(accounts) == Counter(email for email, _ in found + failed)
    assert len(found) == len(stdout.splitlines())
    assert len(failed) == len(stderr.splitlines())


def test_no_error_is_exit_code_0(local_iam: LocalIAM) -> None:
    """Where every account is answered, in the order of the input, nothing is an error."""
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        stdout, stderr = running.finish()

    assert (0, "") == (running.process.returncode, stderr)
    assert local_iam.service_accounts == [email for email, _ in answers(stdout)]


def test_broken_twin_drops_what_was_answered(cook: Cook, local_iam: LocalIAM) -> None:
    """The broken twin prints the accounts before the one that fails, and nothing of the others."""
    local_iam.slow(0.3, method=GET)
    run = cook(f"{FILE}_broken")
    work = job_of(FILE).work(local_iam.project, local_iam.service_accounts)
    emails = work.stdin.split()
    before = emails[: emails.index(work.failing[0])]

    assert before == [email for email, _ in answers(run.stdout)]
    assert local_iam.observe().calls[GET] > len(before) + 1
