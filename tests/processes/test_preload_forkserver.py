"""Preloading the fork server."""

from collections import Counter
from pathlib import Path

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/preload_forkserver"
GENERATE = "GenerateAccessToken"
WORKERS = 4
MANY = 5_000
"""To submit so many takes longer than a worker needs to fail."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe mints a token for every account exactly once."""
    stands(file, start_method)


def has_grpc(process: psutil.Process) -> bool:
    return "cygrpc" in Path(f"/proc/{process.pid}/maps").read_text()


def test_server_has_the_library_and_no_thread(local_iam: LocalIAM) -> None:
    """Workers are forked from a process that has imported gRPC, and runs no thread of it."""
    local_iam.slow(5, method=GENERATE)
    with live(FILE) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().calls.get(GENERATE, 0) >= 1)
        servers = {worker.parent() for worker in running.workers()}
        local_iam.heal()
        (server,) = servers
        assert server is not None
        assert running.process.pid == server.ppid()
        assert has_grpc(server)
        assert 1 == server.num_threads()
        running.finish()


def test_each_worker_has_a_client_of_its_own(cook: Cook, local_iam: LocalIAM) -> None:
    """A worker makes one connection for all its calls."""
    local_iam.slow(0.5, method=GENERATE)
    cook(FILE)
    observation = local_iam.observe()

    assert {GENERATE: len(local_iam.service_accounts)} == observation.calls
    assert 1 < observation.connections <= WORKERS


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)
    named = answers(run.stderr)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert Counter(local_iam.service_accounts) == Counter(email for email, _ in named)
    assert all("PERMISSION_DENIED" in error for _, error in named)


def test_worker_that_cannot_start_fails_every_account(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account is named with an error, though workers die while the program still submits.

    Python may forget a task that is submitted at the very moment of a death: only the limit ends
    the wait for it.
    """
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "nonsense")  # a client raises, no parent
    accounts = [f"account-{number}" for number in range(MANY)]
    with live(FILE, program=impatient(FILE, tmp_path)) as running:
        running.send(accounts)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    named = Counter(email for email, _ in answers(stderr) if email.startswith("account-"))

    assert (1, "") == (running.process.returncode, stdout)
    assert "in start_worker" in stderr
    assert Counter(accounts) == named
