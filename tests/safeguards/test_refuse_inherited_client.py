"""The program that the fork guard stops; the attacks on the guard are in the folder fork_guard."""

import re

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "safeguards/refuse_inherited_client"
PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-guard.html"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """With the guard each account is answered exactly once; without it the workers hang."""
    stands(file, start_method)


def test_program_reports_each_refusal_and_answers_each_account(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """The workers are refused the inherited client, and the parent answers for them."""
    run = cook(FILE)
    refusals = [line for line in run.stderr.splitlines() if PAGE in line]
    processes = re.findall(r"process (\d+) created .* used in process (\d+)", run.stderr)

    assert "ok" == str(run.outcome)
    assert sorted(local_iam.service_accounts) == sorted(name for name, _ in answers(run.stdout))
    assert len(local_iam.service_accounts) == len(refusals) == len(processes)
    assert 1 == len({creator for creator, _ in processes})
    assert all(creator != user for creator, user in processes)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))
