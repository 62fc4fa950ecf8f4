"""Asking for the work in workers, where the process that forks would have closed a client."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.measure.run_job import run_job
from tests.runner import Runner, answers
from tests.support.live import Live, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/close_then_fork"
TWIN = f"{FILE}_broken"
ASK = "GetServiceAccount"
GENERATE = "GenerateAccessToken"
WORKERS = 4
SWITCH = """
import sys

from google.cloud import iam_admin_v1

action, email = sys.argv[1:]
name = f"projects/-/serviceAccounts/{email}"
with iam_admin_v1.IAMClient() as client:
    getattr(client, f"{action}_service_account")({"name": name}, timeout=60)
"""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, TWIN))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin freezes."""
    stands(file, start_method)


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_twin_works_where_its_process_is_not_forked(
    local_iam: LocalIAM, recipe_runner: Runner, start_method: str
) -> None:
    """The rule is about fork: with the other start methods the twin answers for every account."""
    program = BOOK.path(TWIN)  # with the recipe's time
    outcome, _ = run_job(FILE, local_iam, recipe_runner, start_method=start_method, program=program)

    assert "ok" == outcome


def test_workers_keep_their_clients(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account takes two calls, and a worker makes one connection for each of its clients."""
    cook(FILE)
    observation = local_iam.observe()

    assert {ASK: 20, GENERATE: 20} == observation.calls
    assert 2 <= observation.connections <= 2 * WORKERS


@pytest.mark.parametrize("method", [ASK, GENERATE])
def test_parent_makes_no_connection(local_iam: LocalIAM, method: str) -> None:
    """While calls are under way they are the workers'; the parent is connected to nothing."""
    with workers_in(method, local_iam) as (running, workers):
        of_parent = psutil.Process(running.process.pid).net_connections("tcp")
        of_workers = [len(worker.net_connections("tcp")) for worker in workers]

    assert [] == of_parent
    assert all(of_workers)


def test_account_that_cannot_be_asked_for_is_reported(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose first call fails is named with the error, and no token is minted."""
    local_iam.fail("PERMISSION_DENIED", method=ASK)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))
    assert len(local_iam.service_accounts) == run.stderr.count("was asked for")
    assert {ASK: 20} == local_iam.observe().calls


def test_account_without_a_token_is_reported(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose second call fails is named with the error."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))
    assert len(local_iam.service_accounts) == run.stderr.count("was asked for")


def test_account_that_is_disabled_is_not_minted_for(cook: Cook, local_iam: LocalIAM) -> None:
    """Its state is the answer, and no token is asked for."""
    account = local_iam.service_accounts[3]
    subprocess.run([sys.executable, "-c", SWITCH, "disable", account], check=True)
    try:
        found = dict(answers(cook(FILE).stdout))
    finally:
        subprocess.run([sys.executable, "-c", SWITCH, "enable", account], check=True)

    assert "disabled" == found.pop(account)
    assert {"valid until"} == {result[:11] for result in found.values()}
    assert len(found) == local_iam.observe().calls[GENERATE]


@contextmanager
def workers_in(method: str, local_iam: LocalIAM) -> Iterator[tuple[Live, list[psutil.Process]]]:
    """Start the recipe, and wait until calls of a method are under way."""
    local_iam.slow(30, method=method)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(method, 0) >= WORKERS)
        yield running, running.workers()


@pytest.mark.parametrize("method", [ASK, GENERATE])
def test_accounts_of_a_killed_worker_are_reported(local_iam: LocalIAM, method: str) -> None:
    """Whenever a worker is killed, each account is answered or named with an error."""
    with workers_in(method, local_iam) as (running, workers):
        for worker in workers:
            with suppress(psutil.NoSuchProcess):  # the program ends them at the first death
                worker.kill()
        minted, failed = running.finish()
    names = [name for name, _ in answers(minted) + answers(failed)]

    assert 1 == running.process.returncode
    assert sorted(local_iam.service_accounts) == sorted(names)
    assert "terminated abruptly" in failed


def test_every_worker_is_forked_before_the_first_call(local_iam: LocalIAM) -> None:
    """While the first call is under way all workers are there, and they stay the same."""
    with workers_in(ASK, local_iam) as (running, workers):
        local_iam.heal()
        local_iam.slow(30, method=GENERATE)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) >= WORKERS)
        later = running.workers()

    assert WORKERS == len(workers)
    assert set(workers) == set(later)
