"""What holds for the workers of every recipe of this chapter: they end, and are not waited for."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, is_twin
from tests.evidence.jobs import job_of
from tests.runner import answers
from tests.support.impatient import impatient
from tests.support.live import Live, live, wait_until

WITHOUT = {"processes/start_other_programs"}
"""It has threads, and starts other programs."""
OWN_LIMIT = {"processes/stop_pool": "GRACE"}
"""The constant that bounds a wait, where it is not LIMIT."""
RECIPES = [
    file
    for file in BOOK.files()
    if file.startswith("processes/") and not is_twin(file) and file not in WITHOUT
]
CALLED_BY_WORKERS = {
    "processes/choose_start_method": "SignBlob",
    "processes/fork_before_threads": "SignBlob",
    "processes/recycle_workers": "GenerateAccessToken",
}
"""The method that the workers call, where the parent calls, too."""
ENDS_BY_EACH_METHOD = {
    "processes/create_in_executor_worker",
    "processes/create_in_pool_worker",
    "processes/create_in_process",
}
LISTS_FIRST = "processes/list_first_then_fork"
TRIES_AGAIN = "processes/survive_worker_death"
"""It waits for each input a second time, alone: of two it has enough."""
READS_NO_FURTHER = "processes/stream_results"
SECONDS = 60
"""That a call takes here: more than a program has."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)


def under_way(local_iam: LocalIAM) -> bool:
    return local_iam.observe().most_in_flight > 0


def started(running: Live, file: str, local_iam: LocalIAM) -> None:
    """Send the input, if there is one, and wait until a worker waits for an answer."""
    work = job_of(file).work(local_iam.project, local_iam.service_accounts)
    running.send(work.stdin.splitlines())
    wait_until(lambda: under_way(local_iam))


def arguments(file: str, local_iam: LocalIAM) -> tuple[str, ...]:
    return job_of(file).work(local_iam.project, local_iam.service_accounts).argv


def in_turn() -> Iterator[tuple[str, str, signal.Signals]]:
    """Yield each recipe with each signal.

    What ends the workers is alike in all, so start methods take turns in three of them alone.
    """
    for first, file in enumerate(RECIPES):
        methods = BOOK.start_methods(file)[: None if file in ENDS_BY_EACH_METHOD else 1]
        for turn, number in enumerate(SIGNALS, first):
            yield file, methods[turn % len(methods)], number


@pytest.mark.parametrize(("file", "start_method", "number"), list(in_turn()))
def test_workers_end_with_their_parent(
    local_iam: LocalIAM, file: str, start_method: str, number: signal.Signals
) -> None:
    """Whatever ends it while calls are under way, in a few seconds nothing of it runs."""
    local_iam.slow(SECONDS)
    with live(file, *arguments(file, local_iam), start_method=start_method) as running:
        started(running, file, local_iam)
        running.process.send_signal(number)
        if file in OWN_LIMIT and number != signal.SIGKILL:
            running.process.kill()  # it gives calls under way some time; its own tests wait
        assert running.leaves_nothing()
        running.finish()


@pytest.mark.parametrize(
    ("file", "start_method"), [(file, method) for file, method, _ in in_turn()][:: len(SIGNALS)]
)
def test_worker_that_hangs_is_given_up(
    local_iam: LocalIAM, tmp_path: Path, file: str, start_method: str
) -> None:
    """The program ends, with each input named exactly once, and leaves nothing running."""
    local_iam.slow(SECONDS, method=CALLED_BY_WORKERS.get(file))
    work = job_of(file).work(local_iam.project, local_iam.service_accounts)
    program = impatient(file, tmp_path, OWN_LIMIT.get(file, "LIMIT"))
    argv, taken = work.argv, work.inputs
    if file == TRIES_AGAIN:
        argv, taken = argv[:3], taken[:2]
    with live(file, *argv, start_method=start_method, program=program) as running:
        started(running, file, local_iam)
        stdout, stderr = running.finish()
        assert running.leaves_nothing()
    named = Counter(name for name, _ in answers(stdout) + answers(stderr))
    if file == LISTS_FIRST:
        taken = (local_iam.project,)
    elif file == READS_NO_FURTHER:
        taken = taken[: named.total()]

    assert 0 != running.process.returncode
    assert Counter(taken) == named, stderr
