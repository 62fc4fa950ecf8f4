"""Deadlines for attempts and calls, and retries."""

from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from recipes.testing.local_iam.api.catalogue import ROLES
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live
from tests.support.recipes import Cook, Stands

FILE = "threads/set_deadlines_and_retries"
GET = "GetRole"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe counts for every role, though some calls get no answer; the twin waits."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(GET, 0)


def test_failed_call_is_reported_with_its_role(cook: Cook, local_iam: LocalIAM) -> None:
    """An error that another attempt would not better is named at once, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE, faults=False)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(list(ROLES)) == Counter(role for role, _ in answers(run.stderr))
    assert len(ROLES) == calls(local_iam)


def test_unavailable_service_is_asked_again(cook: Cook, local_iam: LocalIAM) -> None:
    """Each role is counted once, by as many attempts as it takes."""
    local_iam.fail("UNAVAILABLE", rate=0.3, method=GET)
    run = cook(FILE, faults=False)

    assert "ok" == str(run.outcome)
    assert Counter(list(ROLES)) == Counter(role for role, _ in answers(run.stdout))
    assert len(ROLES) < calls(local_iam)


def test_service_that_never_answers_is_given_up(local_iam: LocalIAM) -> None:
    """After some attempts the call ends with an error that says so."""
    local_iam.slow(600, method=GET)
    with live(FILE) as running:
        running.send(["roles/viewer"])
        stdout, stderr = running.finish()

    assert (1, "") == (running.process.returncode, stdout)
    [(role, error)] = answers(stderr)
    assert ("roles/viewer", True) == (role, error.startswith("Timeout of 30.0s exceeded"))
    assert 1 < calls(local_iam)
