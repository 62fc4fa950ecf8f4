"""Starting workers by a method that inherits nothing."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.measure.run_job import run_job
from tests.runner import Runner, answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/choose_start_method"
GENERATE = "GenerateAccessToken"
SIGN = "SignBlob"
WORKERS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_it_holds_with_spawn(local_iam: LocalIAM, recipe_runner: Runner, tmp_path: Path) -> None:
    """The other method that its comment offers holds as well."""
    text = BOOK.path(FILE).read_text("utf-8")
    script = tmp_path / "with_spawn.py"
    script.write_text(text.replace('START_METHOD = "forkserver"', 'START_METHOD = "spawn"'))
    outcome, _ = run_job(FILE, local_iam, recipe_runner, program=script)

    assert text != script.read_text()
    assert "ok" == outcome


def test_each_process_has_a_client_of_its_own(cook: Cook, local_iam: LocalIAM) -> None:
    """The parent makes one connection for its threads, and each worker one for itself."""
    local_iam.slow(0.5, method=SIGN)
    cook(FILE)
    accounts = len(local_iam.service_accounts)
    observation = local_iam.observe()

    assert {GENERATE: accounts, SIGN: accounts} == observation.calls
    assert accounts == max(observation.calls_per_connection)
    assert 1 < observation.connections <= 1 + WORKERS


@pytest.mark.parametrize("method", [GENERATE, SIGN])
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, method: str
) -> None:
    """Each account whose call fails, in a thread or in a worker, is named with the error."""
    local_iam.fail("PERMISSION_DENIED", method=method)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(email for email, _ in answers(run.stderr))


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """When a worker is killed, each account ends once, with its receipt or with an error."""
    local_iam.slow(5, method=SIGN)
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        running.send(accounts)
        wait_until(lambda: local_iam.observe().calls.get(SIGN, 0) >= 1)
        running.workers()[0].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert 1 == running.process.returncode
    assert Counter(accounts) == Counter(email for email, _ in answers(stdout) + answers(stderr))
    assert "terminated abruptly" in stderr
