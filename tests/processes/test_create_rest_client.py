"""Creating a REST client in each process."""

from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.runner import Command, InterpreterRunner, answers
from tests.support.live import SECONDS, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/create_rest_client"
GENERATE = "GenerateIdToken"
PROCESSES = 4
PROGRAM = Path(__file__).with_name("programs") / "answer_of_another.py"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account with its own token; the broken twin does not."""
    stands(file, start_method)


def test_each_process_has_a_connection_of_its_own(cook: Cook, local_iam: LocalIAM) -> None:
    """As many connections as processes carry one call for each account."""
    cook(FILE)
    seen = local_iam.observe()

    assert PROCESSES == seen.connections
    assert {GENERATE: len(local_iam.service_accounts)} == seen.calls


def test_killed_process_loses_no_account(local_iam: LocalIAM) -> None:
    """Accounts whose process was killed end as errors, the others are answered."""
    local_iam.slow(5, method=GENERATE)
    accounts = local_iam.service_accounts
    with live(FILE) as running:
        running.send(accounts)
        wait_until(lambda: local_iam.observe().most_in_flight == PROCESSES)
        running.workers()[0].kill()
        local_iam.heal()
        stdout, stderr = running.finish()
    failed = dict(answers(stderr))

    assert 1 == running.process.returncode
    assert sorted(accounts) == sorted([email for email, _ in answers(stdout)] + [*failed])
    assert {"its process died, or hangs"} == set(failed.values())


def test_token_of_another_account_is_an_error(
    local_iam: LocalIAM, interpreter_runner: InterpreterRunner
) -> None:
    """Where the answer to another process is read, the recipe says whose token came."""
    environment = {**local_iam.environment, "PYTHONPATH": str(ROOT)}
    run = interpreter_runner.run(Command(PROGRAM, deadline=SECONDS, environment=environment))
    first, *_ = local_iam.service_accounts

    assert f"\treceived the token of {first}\n" == run.stdout


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_refused_connection_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Errors of the HTTP library are reported like those of the API."""
    local_iam.refuse()
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))
