"""Recycling the workers of a pool."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.measure.run_job import run_job
from tests.runner import Runner, answers
from tests.support.recipes import Cook, Stands

FILE = "processes/recycle_workers"
GENERATE = "GenerateAccessToken"
SIGN = "SignBlob"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_it_holds_with_spawn(local_iam: LocalIAM, recipe_runner: Runner, tmp_path: Path) -> None:
    """The other method that its comment offers holds as well."""
    text = BOOK.path(FILE).read_text("utf-8")
    script = tmp_path / "with_spawn.py"
    script.write_text(text.replace('START_METHOD = "forkserver"', 'START_METHOD = "spawn"'))
    outcome, _ = run_job(FILE, local_iam, recipe_runner, program=script, argv=["4"])

    assert text != script.read_text()
    assert "ok" == outcome


def test_each_worker_ever_started_has_a_connection_of_its_own(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """With one task a worker there are as many connections as tasks, and the parent's."""
    run = cook(FILE, "1")
    accounts = len(local_iam.service_accounts)
    observation = local_iam.observe()

    assert accounts == len(answers(run.stdout))
    assert {GENERATE: accounts, SIGN: accounts} == observation.calls
    assert [1] * accounts + [accounts] == sorted(observation.calls_per_connection)


def test_no_worker_does_more_than_its_tasks(cook: Cook, local_iam: LocalIAM) -> None:
    """No connection but the parent's carries more calls than a worker has tasks."""
    cook(FILE, "3")
    *workers, parent = sorted(local_iam.observe().calls_per_connection)

    assert len(local_iam.service_accounts) == parent
    assert 3 == max(workers)


@pytest.mark.parametrize("method", [GENERATE, SIGN])
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, method: str
) -> None:
    """Each account whose call fails, in a worker or in a thread, is named with the error."""
    local_iam.fail("PERMISSION_DENIED", method=method)
    run = cook(FILE, "5")

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(email for email, _ in answers(run.stderr))
