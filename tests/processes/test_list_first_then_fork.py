"""Listing what there is before the work is known, without a client in the process that forks."""

from collections import Counter
from pathlib import Path

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, START_METHODS
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/list_first_then_fork"
LIST = "ListServiceAccounts"
KEYS = "ListServiceAccountKeys"
WORKERS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe audits every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_one_list_and_one_call_for_each_account(cook: Cook, local_iam: LocalIAM) -> None:
    """The accounts are listed once, and each worker makes one connection for all its calls."""
    cook(FILE)
    observation = local_iam.observe()

    assert {LIST: 1, KEYS: len(local_iam.service_accounts)} == observation.calls
    assert 1 <= observation.connections <= WORKERS


@pytest.mark.parametrize("method", [LIST, KEYS])
@pytest.mark.parametrize("start_method", START_METHODS)
def test_parent_makes_no_connection(local_iam: LocalIAM, start_method: str, method: str) -> None:
    """While a call is under way it is a worker's; the parent is connected to nothing."""
    local_iam.slow(5, method=method)
    with live(FILE, local_iam.project, start_method=start_method) as running:
        wait_until(lambda: local_iam.observe().calls.get(method, 0) > 0)
        of_parent = psutil.Process(running.process.pid).net_connections("tcp")
        of_workers = [len(worker.net_connections("tcp")) for worker in running.workers()]
        local_iam.heal()
        running.finish()

    assert [] == of_parent
    assert sum(of_workers) > 0


def test_list_that_fails_is_reported_with_its_project(cook: Cook, local_iam: LocalIAM) -> None:
    """A project whose accounts cannot be listed is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=LIST)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert [local_iam.project] == [name for name, _ in answers(run.stderr)]


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose keys cannot be listed is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=KEYS)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))


def test_workers_that_cannot_start_are_an_error_of_the_project(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is logged, the project is named, and it ends.

    Python may forget a task that is submitted at the very moment of a death: only the limit ends
    the wait for it.
    """
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "nonsense")  # a client raises, no parent
    with live(FILE, local_iam.project, program=impatient(FILE, tmp_path)) as running:
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (1, "") == (running.process.returncode, stdout)
    assert "MutualTLSChannelError" in stderr
    assert [local_iam.project] == [name for name, _ in answers(stderr)]


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """Each account is answered, or named with the error, exactly once."""
    local_iam.slow(2, method=KEYS)
    with live(FILE, local_iam.project) as running:
        wait_until(lambda: local_iam.observe().calls.get(KEYS, 0) > WORKERS)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    audited, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert failed
    assert all("terminated abruptly" in error for _, error in failed)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in audited + failed)
