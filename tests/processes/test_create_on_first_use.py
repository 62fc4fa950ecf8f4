"""Creating a client at its first use in each process, where there is no hook."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT, START_METHODS
from tests.runner import Command, Run, Runner, answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/create_on_first_use"
READ = "GetIamPolicy"
WORKERS = 4
PROGRAMS = Path(__file__).with_name("programs")


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe reads the policy of every account exactly once; the broken twin does not."""
    stands(file, start_method)


def run(name: str, runner: Runner, local_iam: LocalIAM, *argv: str) -> Run:
    """Run a program that imports the recipe."""
    environment = {**local_iam.environment, "PYTHONPATH": str(ROOT)}
    command = Command(PROGRAMS / f"{name}.py", argv, deadline=60, environment=environment)
    return runner.run(command)


@pytest.mark.parametrize("start_method", START_METHODS)
def test_many_threads_get_one_client_in_each_process(
    recipe_runner: Runner, local_iam: LocalIAM, start_method: str
) -> None:
    """Threads that ask at once all get the same client, in each process that they ask in."""
    printed = answers(run("clients_of_threads", recipe_runner, local_iam, start_method).stdout)

    assert 3 == len(dict(printed))
    assert ["32 answers, 1 clients"] * 3 == [text for _, text in printed]


def test_inherited_client_is_kept_and_not_used(recipe_runner: Runner, local_iam: LocalIAM) -> None:
    """A child that was forked while every lock was held gets a client of its own."""
    ended = run("inherited_client", recipe_runner, local_iam)

    assert "ok" == str(ended.outcome), ended.stderr


def test_executor_of_threads_shares_one_client(recipe_runner: Runner, local_iam: LocalIAM) -> None:
    """In an executor of threads the same function makes one connection, and reads each policy."""
    emails = local_iam.service_accounts
    printed = answers(run("granted_roles", recipe_runner, local_iam, *emails).stdout)
    granted = dict.fromkeys(emails, "nobody by its own policy")
    granted[emails[0]] = "roles/iam.serviceAccountUser: user:ada@example.com, user:bob@example.com"

    assert sorted(granted.items()) == sorted(printed)
    assert 1 == local_iam.observe().connections


def test_broken_executor_takes_no_account(recipe_runner: Runner, local_iam: LocalIAM) -> None:
    """Nothing is submitted to an executor whose process has died, and each account says so."""
    ended = run("broken_executor", recipe_runner, local_iam)
    named = answers(ended.stdout)

    assert "ok" == str(ended.outcome), ended.stderr
    assert ["ada@example.com", "bob@example.com"] == [name for name, _ in named]
    assert {"\tno worker was left to take this"} == {error for _, error in named}


def test_each_process_makes_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """The processes of the executor make a connection each, and a call for each account."""
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[READ]
    assert 1 <= observation.connections <= WORKERS


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=READ)
    failed = cook(FILE)

    assert "raises SystemExit" == str(failed.outcome)
    assert "" == failed.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(failed.stderr)))


def test_client_that_cannot_be_created_is_an_error_of_each_account(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """It fails the account that it was for, and the program ends."""
    failed = cook(FILE, GOOGLE_API_USE_MTLS_ENDPOINT="nonsense")
    named = answers(failed.stderr)

    assert "raises SystemExit" == str(failed.outcome)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in named)
    assert all("GOOGLE_API_USE_MTLS_ENDPOINT" in error for _, error in named)


def test_killed_process_loses_no_account(local_iam: LocalIAM) -> None:
    """Each account is answered, or named with the error, exactly once."""
    local_iam.slow(2, method=READ)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(READ, 0) > 0)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    named = [name for name, _ in answers(stdout) + answers(stderr)]

    assert 1 == running.process.returncode
    assert Counter(local_iam.service_accounts) == Counter(named)
