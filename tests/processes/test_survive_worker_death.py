"""Surviving the death of a worker amid its work."""

from collections import Counter

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.jobs.processes import RELEASE
from tests.runner import answers
from tests.support.live import Live, live, wait_until
from tests.support.recipes import Cook, Stands

FILE = "processes/survive_worker_death"
SIGN = "SignBlob"
WORKERS = 4


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs every file though one of them kills its worker; the broken twin waits."""
    stands(file, start_method)


def calls(local_iam: LocalIAM) -> int:
    return local_iam.observe().calls.get(SIGN, 0)


def kill_a_caller(running: Live) -> psutil.Process:
    """Kill a worker as the kernel does that is out of memory; one that has a call under way."""
    worker = next(worker for worker in running.workers() if worker.net_connections("tcp"))
    worker.kill()
    return worker


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_killed_worker_costs_no_file(local_iam: LocalIAM, start_method: str) -> None:
    """Each file is signed once; what was at work is called for again, after all others."""
    local_iam.slow(8, method=SIGN)
    arguments = (local_iam.service_accounts[0], *RELEASE)
    with live(FILE, *arguments, start_method=start_method) as running:
        wait_until(lambda: calls(local_iam) == WORKERS)
        kill_a_caller(running)
        local_iam.heal()
        stdout, stderr = running.finish()
        assert running.leaves_nothing()

    assert (0, "") == (running.process.returncode, stderr)
    files = [file for file, _ in answers(stdout)]
    assert Counter(RELEASE) == Counter(files)
    assert list(RELEASE[:WORKERS]) == files[-WORKERS:]
    assert len(RELEASE) + WORKERS == calls(local_iam)


def test_file_that_kills_its_worker_twice_is_an_error(local_iam: LocalIAM) -> None:
    """A file has two attempts, the second alone; then it is a failure, and the others go on."""
    local_iam.slow(8, method=SIGN)
    files = RELEASE[:3]
    with live(FILE, local_iam.service_accounts[0], *files) as running:
        wait_until(lambda: calls(local_iam) == 3)
        first = kill_a_caller(running)
        wait_until(lambda: calls(local_iam) == 4)
        (worker,) = [worker for worker in running.workers() if worker.pid != first.pid]
        worker.kill()
        local_iam.heal()
        stdout, stderr = running.finish()

    assert 1 == running.process.returncode
    assert [(files[0], "its worker died twice, the second time alone")] == answers(stderr)
    assert sorted(files[1:]) == sorted(file for file, _ in answers(stdout))
    assert 3 + 3 == calls(local_iam)


def test_failed_file_is_reported_and_not_tried_again(cook: Cook, local_iam: LocalIAM) -> None:
    """An error of a call or of a file is an answer; only a death makes another attempt."""
    local_iam.fail("PERMISSION_DENIED", method=SIGN)
    run = cook(FILE, local_iam.service_accounts[0], "README.md", "no-such-file")

    assert "raises SystemExit" == str(run.outcome)
    assert {"README.md", "no-such-file"} == set(dict(answers(run.stderr)))
    assert 1 == calls(local_iam)
