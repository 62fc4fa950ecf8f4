"""Creating one client on first use, from many threads."""

import subprocess
import sys

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "threads/create_lazily"
RACE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import create_lazily

all_threads = Barrier(16)

def first_use(_):
    all_threads.wait(60)
    return create_lazily.client()

with ThreadPoolExecutor(16) as threads:
    used = set(map(id, threads.map(first_use, range(16))))
print(len(create_lazily.clients), len(used))
"""
NOTHING_TO_DO = """
import create_lazily

print(create_lazily.main(), create_lazily.clients)
"""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account; the twin's threads use what is not there yet."""
    stands(file, start_method)


@pytest.mark.usefixtures("local_iam")
def test_threads_that_race_create_one_client() -> None:
    """Sixteen threads that come at once get the same client, and there is no other."""
    command = [sys.executable, "-c", RACE]
    folder = BOOK.path(FILE).parent
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)

    assert "1 1" == ran.stdout.strip()


def test_threads_use_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """All calls travel on one connection, several at a time."""
    local_iam.slow(1)
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls["GenerateAccessToken"]
    assert 1 == observation.connections
    assert observation.most_in_flight > 1


@pytest.mark.usefixtures("local_iam")
def test_nothing_is_created_where_there_is_nothing_to_do() -> None:
    """Without an account the recipe does well, and has made no client."""
    command = [sys.executable, "-c", NOTHING_TO_DO]
    folder = BOOK.path(FILE).parent
    ran = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )

    assert "0 []" == ran.stdout.strip()


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)
