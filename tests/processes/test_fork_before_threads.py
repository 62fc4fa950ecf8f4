"""Worker processes in a program whose threads call."""

from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.measure.run_job import run_job
from tests.runner import Runner, answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/fork_before_threads"
TWIN = f"{FILE}_broken"
SIGN = "SignBlob"
GENERATE = "GenerateAccessToken"
WORKERS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, TWIN))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin does not."""
    stands(file, start_method)


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_twin_works_where_its_process_is_not_forked(
    local_iam: LocalIAM, recipe_runner: Runner, start_method: str
) -> None:
    """The rule is about fork: with the other start methods the twin answers for every account."""
    program = BOOK.path(TWIN)  # with the recipe's time
    outcome, _ = run_job(FILE, local_iam, recipe_runner, start_method=start_method, program=program)

    assert "ok" == outcome


def test_threads_share_one_client_and_each_worker_has_one(cook: Cook, local_iam: LocalIAM) -> None:
    """The threads' calls come over one connection, those of the workers over one for each."""
    cook(FILE)
    observation = local_iam.observe()

    assert {GENERATE: 20, SIGN: 20} == observation.calls
    assert 2 <= observation.connections <= 1 + WORKERS
    assert 20 in observation.calls_per_connection


@pytest.mark.parametrize("method", [GENERATE, SIGN])
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, method: str
) -> None:
    """Where a thread's call fails, or a worker's, each account is named with the error."""
    local_iam.fail("PERMISSION_DENIED", method=method)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(dict(answers(run.stderr)).keys())
    assert len(local_iam.service_accounts) == run.stderr.count("was asked for")


def test_every_worker_is_forked_before_the_first_call(local_iam: LocalIAM) -> None:
    """While the threads make their first calls all workers are there, and they stay the same."""
    local_iam.slow(30, method=GENERATE)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) >= 1)
        workers = running.workers()
        local_iam.heal()
        local_iam.slow(30, method=SIGN)
        wait_until(lambda: local_iam.observe().calls.get(SIGN, 0) >= WORKERS)
        later = running.workers()

    assert WORKERS == len(workers)
    assert set(workers) == set(later)


def test_accounts_of_a_killed_worker_are_reported(local_iam: LocalIAM) -> None:
    """If a worker is killed, each account is answered or named with an error."""
    local_iam.slow(30, method=SIGN)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(SIGN, 0) >= WORKERS)
        running.workers()[0].kill()
        served, failed = running.finish()
    names = [name for name, _ in answers(served) + answers(failed)]

    assert 1 == running.process.returncode
    assert sorted(local_iam.service_accounts) == sorted(names)
