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

ONCE = """
import os
from multiprocessing import get_context
from threading import Barrier, Thread

from recipes.processes.create_on_first_use import client

def answers_of_many_threads():
    barrier, answers = Barrier(32), []

    def ask():
        barrier.wait()
        answers.append(client())

    threads = [Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{os.getpid()}\\t{len(answers)} answers, {len(set(answers))} clients", flush=True)

if __name__ == "__main__":
    for _ in range(3):
        process = get_context("%s").Process(target=answers_of_many_threads)
        process.start()
        process.join()
"""

INHERITED = """
import os

from recipes.processes.create_on_first_use import client, clients, locks

parent, of_parent = os.getpid(), client()
for lock in locks.values():
    lock.acquire()
child = os.fork()
if child == 0:
    os._exit(0 if client() is not of_parent and clients[parent] is of_parent else 3)
assert 0 == os.waitpid(child, 0)[1]
for lock in locks.values():
    lock.release()
assert client() is of_parent
"""

BROKEN = """
import os
from concurrent.futures import ProcessPoolExecutor

from recipes.processes.create_on_first_use import answered, submit_all

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as executor:
        executor.submit(os._exit, 1).exception()
        futures = submit_all(executor, ["nobody@example.com"])
    assert [] == list(answered(futures))
"""

GRANTED = """
import sys
from concurrent.futures import ThreadPoolExecutor

from google.iam.v1 import policy_pb2
from recipes.processes.create_on_first_use import answered, client, submit_all

emails = sys.argv[1:]
name = f"projects/-/serviceAccounts/{emails[0]}"
binding = policy_pb2.Binding(
    role="roles/iam.serviceAccountUser", members=["user:ada@example.com", "user:bob@example.com"]
)
policy = policy_pb2.Policy(bindings=[binding])
client().set_iam_policy(request={"resource": name, "policy": policy}, timeout=10)
with ThreadPoolExecutor(8) as threads:
    futures = submit_all(threads, emails)
for email, granted, error in answered(futures):
    print(email, granted or error, sep="\\t")
request = {"resource": name, "policy": policy_pb2.Policy()}
client().set_iam_policy(request=request, timeout=10)
"""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe reads the policy of every account exactly once; the broken twin does not."""
    stands(file, start_method)


def run(source: str, runner: Runner, local_iam: LocalIAM, folder: Path, *argv: str) -> Run:
    """Run a program that imports the recipe."""
    script = folder / "program.py"
    script.write_text(source, "utf-8")
    environment = {**local_iam.environment, "PYTHONPATH": str(ROOT)}
    return runner.run(Command(script, argv, deadline=60, environment=environment))


@pytest.mark.parametrize("start_method", START_METHODS)
def test_many_threads_get_one_client_in_each_process(
    recipe_runner: Runner, local_iam: LocalIAM, tmp_path: Path, start_method: str
) -> None:
    """Threads that ask at once all get the same client, in each process that they ask in."""
    printed = answers(run(ONCE % start_method, recipe_runner, local_iam, tmp_path).stdout)

    assert 3 == len(dict(printed))
    assert ["32 answers, 1 clients"] * 3 == [text for _, text in printed]


def test_inherited_client_is_kept_and_not_used(
    recipe_runner: Runner, local_iam: LocalIAM, tmp_path: Path
) -> None:
    """A child that was forked while every lock was held gets a client of its own."""
    ended = run(INHERITED, recipe_runner, local_iam, tmp_path)

    assert "ok" == str(ended.outcome), ended.stderr


def test_executor_of_threads_shares_one_client(
    recipe_runner: Runner, local_iam: LocalIAM, tmp_path: Path
) -> None:
    """In an executor of threads the same function makes one connection, and reads each policy."""
    emails = local_iam.service_accounts
    printed = answers(run(GRANTED, recipe_runner, local_iam, tmp_path, *emails).stdout)
    granted = dict.fromkeys(emails, "nobody by its own policy")
    granted[emails[0]] = "roles/iam.serviceAccountUser: user:ada@example.com, user:bob@example.com"

    assert sorted(granted.items()) == sorted(printed)
    assert 1 == local_iam.observe().connections


def test_broken_executor_leaves_accounts_without_an_answer(
    recipe_runner: Runner, local_iam: LocalIAM, tmp_path: Path
) -> None:
    """An executor whose process has died answers nothing, and nobody waits for it."""
    ended = run(BROKEN, recipe_runner, local_iam, tmp_path)

    assert "ok" == str(ended.outcome), ended.stderr


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


def test_missing_credentials_are_an_error_of_each_account(cook: Cook, local_iam: LocalIAM) -> None:
    """A client that cannot be created fails the account that it was for, and it ends."""
    failed = cook(FILE, GOOGLE_APPLICATION_CREDENTIALS="no-such-file.json")
    named = answers(failed.stderr)

    assert "raises SystemExit" == str(failed.outcome)
    assert Counter(local_iam.service_accounts) == Counter(name for name, _ in named)
    assert all("no-such-file.json" in error for _, error in named)


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
