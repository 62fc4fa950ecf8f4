"""Calling IAM from AnyIO, on asyncio and on Trio."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "event_loops/use_anyio"
GENERATE = "GenerateAccessToken"
THREADS = 8

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """On Trio the recipe answers for every account exactly once; the twin does not."""
    stands(file, start_method)


@BACKENDS
def test_threads_share_a_client_on_each_backend(
    cook: Cook, local_iam: LocalIAM, backend: str
) -> None:
    """Every account is answered, by so many threads at once, on one connection."""
    local_iam.slow(2, method=GENERATE)
    run = cook(FILE, backend)
    observation = local_iam.observe()

    assert "ok" == str(run.outcome)
    assert "" == run.stderr
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stdout))
    assert len(local_iam.service_accounts) == observation.calls[GENERATE]
    assert (1, THREADS) == (observation.connections, observation.most_in_flight)


@BACKENDS
def test_failed_call_is_reported_with_its_account(
    cook: Cook, local_iam: LocalIAM, backend: str
) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE, backend)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_twin_works_on_asyncio(cook: Cook, local_iam: LocalIAM) -> None:
    """The asynchronous client answers for every account where asyncio runs."""
    run = cook(f"{FILE}_broken", "asyncio")

    assert "ok" == str(run.outcome)
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stdout))


def test_twin_fails_on_trio_with_the_error_of_the_page(cook: Cook, local_iam: LocalIAM) -> None:
    """On Trio each call of the asynchronous client is refused by Trio, and none is made."""
    run = cook(f"{FILE}_broken", "trio")
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)
    assert {"trio.run received unrecognized yield message"} == {
        text[:44] for text in named.values()
    }
    assert 0 == local_iam.observe().calls.get(GENERATE, 0)


@pytest.mark.parametrize("argv", [["curio"], ["trio", "asyncio"]])
def test_other_arguments_print_the_usage(cook: Cook, argv: list[str]) -> None:
    """What is no backend is answered with the usage."""
    run = cook(FILE, *argv)

    assert "raises SystemExit" == str(run.outcome)
    assert "Usage: " in run.stderr
