"""Creating a client in each child of `os.fork`."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import Live, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/fork_directly"
GENERATE = "GenerateAccessToken"
CHILDREN = 4
NO_ANSWER = "its child died, or hangs"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe mints a token for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_each_child_has_a_connection_of_its_own(cook: Cook, local_iam: LocalIAM) -> None:
    """Four children make four connections, and the parent none."""
    run = cook(FILE)
    observation = local_iam.observe()

    assert CHILDREN == observation.connections
    assert len(local_iam.service_accounts) == observation.calls[GENERATE]
    assert [] == run.left_behind


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))
    assert NO_ANSWER not in run.stderr


def test_child_without_client_ends_with_its_traceback(cook: Cook, local_iam: LocalIAM) -> None:
    """A child that cannot create a client prints why, once, and ends; its accounts are reported."""
    run = cook(FILE, GOOGLE_API_USE_MTLS_ENDPOINT="nonsense")
    named = [name for name, _ in answers(run.stderr)]

    assert "raises SystemExit" == str(run.outcome)
    assert CHILDREN == run.stderr.count("MutualTLSChannelError: ")
    assert sorted(local_iam.service_accounts) == sorted(named)


@contextmanager
def children_in_calls(
    local_iam: LocalIAM, program: Path | None = None
) -> Iterator[tuple[Live, list[psutil.Process]]]:
    """Start the recipe, and wait until each of its children has a call under way."""
    local_iam.slow(2, method=GENERATE)
    with live(FILE, program=program) as running:
        running.send(local_iam.service_accounts)
        wait_until(lambda: local_iam.observe().most_in_flight == CHILDREN)
        yield running, running.workers()


def test_killed_child_costs_its_own_accounts_only(local_iam: LocalIAM) -> None:
    """The accounts of a child that is killed are reported, all others are answered."""
    with children_in_calls(local_iam) as (running, children):
        children[0].kill()
        local_iam.heal()
        minted, failed = running.finish()
    shares = {len(local_iam.service_accounts[i::CHILDREN]) for i in range(CHILDREN)}
    names = [name for name, _ in answers(minted) + answers(failed)]

    assert 1 == running.process.returncode
    assert sorted(local_iam.service_accounts) == sorted(names)
    assert failed.count(NO_ANSWER) in shares


def test_child_that_hangs_costs_its_own_accounts_only(local_iam: LocalIAM, tmp_path: Path) -> None:
    """The program ends though a child never does; that child is killed and its accounts named."""
    text = BOOK.path(FILE).read_text("utf-8")
    program = tmp_path / "impatient.py"
    program.write_text(text.replace("LIMIT = 90", "LIMIT = 10"), "utf-8")
    with children_in_calls(local_iam, program) as (running, children):
        children[0].send_signal(signal.SIGSTOP)
        local_iam.heal()
        minted, failed = running.finish()
        left = running.leaves_nothing()
    names = [name for name, _ in answers(minted) + answers(failed)]

    assert left
    assert 1 == running.process.returncode
    assert sorted(local_iam.service_accounts) == sorted(names)
    assert text != program.read_text("utf-8")
    assert 1 <= failed.count(NO_ANSWER) <= len(local_iam.service_accounts[::CHILDREN])


def test_interrupted_parent_leaves_no_child(local_iam: LocalIAM) -> None:
    """A parent that is interrupted while it waits kills its children first."""
    with children_in_calls(local_iam) as (running, children):
        for child in children:
            child.send_signal(signal.SIGSTOP)
        os.kill(running.process.pid, signal.SIGINT)
        begin = time.monotonic()
        _, failed = running.finish()
        seconds = time.monotonic() - begin
        left = running.leaves_nothing()

    assert left
    assert "KeyboardInterrupt" in failed
    assert seconds < 15, "it waited for its limit"
