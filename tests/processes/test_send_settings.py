"""Sending settings to workers, and plain data back."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, START_METHODS
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/send_settings"
GENERATE = "GenerateAccessToken"
WORKERS = 4
UNKNOWN = "nobody@example.com"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe mints a token for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def run(local_iam: LocalIAM, *argv: str, start_method: str = "fork") -> tuple[str, str, int]:
    """Run the recipe with options; return what it printed, and its exit code."""
    with live(FILE, *argv, start_method=start_method) as running:
        running.send(local_iam.service_accounts)
        stdout, stderr = running.finish()
    return stdout, stderr, running.process.returncode


@pytest.mark.parametrize("start_method", START_METHODS)
def test_lifetime_reaches_the_workers(local_iam: LocalIAM, start_method: str) -> None:
    """Tokens are valid for as long as the command line says, with each start method."""
    stdout, stderr, code = run(local_iam, "--minutes", "10", start_method=start_method)
    now = datetime.now(timezone.utc)
    ends = {
        datetime.strptime(text, "valid until %Y-%m-%d %H:%M UTC").replace(tzinfo=timezone.utc)
        for _, text in answers(stdout)
    }

    assert (0, "") == (code, stderr)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in answers(stdout))
    assert all(timedelta(minutes=5) < end - now < timedelta(minutes=11) for end in ends)


@pytest.mark.parametrize(
    ("option", "values", "error"),
    [("--delegates", [UNKNOWN], "404 "), ("--scopes", [CLOUD_PLATFORM, ""], "400 ")],
)
def test_delegates_and_scopes_reach_the_calls(
    local_iam: LocalIAM, option: str, values: list[str], error: str
) -> None:
    """A delegate that does not exist, or a scope that is empty, is an error of each account."""
    stdout, stderr, code = run(local_iam, option, *values)

    assert (1, "") == (code, stdout)
    assert set(local_iam.service_accounts) == set(dict(answers(stderr)))
    assert {error} == {text[:4] for _, text in answers(stderr)}


def test_error_that_is_not_of_a_call_is_an_error_of_each_account(local_iam: LocalIAM) -> None:
    """A lifetime that no request can hold is named with each account, and nothing is raised."""
    stdout, stderr, code = run(local_iam, "--minutes", "9" * 20)

    assert (1, "") == (code, stdout)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in answers(stderr))
    assert "Traceback" not in stderr


def test_chain_of_delegates_is_taken(local_iam: LocalIAM) -> None:
    """Several delegates are a chain, and tokens are minted along it."""
    stdout, stderr, code = run(local_iam, "--delegates", *local_iam.service_accounts[:2])

    assert (0, "") == (code, stderr)
    assert set(local_iam.service_accounts) == set(dict(answers(stdout)))


def test_failed_call_is_reported_with_its_account(local_iam: LocalIAM) -> None:
    """An account that does not exist is named with the call's error; the others are answered."""
    with live(FILE) as running:
        running.send([*local_iam.service_accounts, UNKNOWN])
        stdout, stderr = running.finish()
    (named,) = answers(stderr)

    assert 1 == running.process.returncode
    assert UNKNOWN == named[0]
    assert named[1].startswith("404 ")
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in answers(stdout))


def test_workers_keep_their_client(cook: Cook, local_iam: LocalIAM) -> None:
    """A worker makes one connection for all its calls, not one for each."""
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[GENERATE]
    assert 1 <= observation.connections <= WORKERS


def test_workers_that_cannot_start_are_an_error_of_each_account(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is logged, and each account is named once, also those not yet submitted.

    Python may forget a task that is submitted at the very moment of a death: only the limit ends
    the wait for it.
    """
    emails = [f"{number}.{email}" for email in local_iam.service_accounts for number in range(2000)]
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "nonsense")  # a client raises, no parent
    with live(FILE, program=impatient(FILE, tmp_path)) as running:
        running.send(emails)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (1, "") == (running.process.returncode, stdout)
    assert "MutualTLSChannelError" in stderr
    assert Counter(emails) == Counter(name for name, _ in answers(stderr))


def test_killed_worker_loses_no_account(local_iam: LocalIAM) -> None:
    """Each account is answered, or named with the error, exactly once."""
    local_iam.slow(2, method=GENERATE)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) > WORKERS)
        running.workers()[-1].kill()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    minted, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert failed
    assert all("terminated abruptly" in error for _, error in failed)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in minted + failed)
