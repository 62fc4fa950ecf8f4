"""Jobs: the faults that a run is to meet."""

import threading
import time

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import BUSY, BUSY_SECONDS, Job, job
from tests.evidence.trials import recipe_files


def test_later_fault_comes_while_the_run_lasts(local_iam: LocalIAM) -> None:
    """It comes after the first one."""
    came: list[str] = []
    both = threading.Event()

    def second(_: LocalIAM) -> None:
        came.append("second")
        both.set()

    work = Job((), fault=lambda _: came.append("first"), later=(0.0, second))
    with work.prepared(local_iam):
        assert both.wait(10)

    assert ["first", "second"] == came


def test_run_that_ends_before_a_later_fault_does_not_meet_it(local_iam: LocalIAM) -> None:
    """Nobody waits for it, and it does not come to the next run."""
    came: list[str] = []
    started = time.monotonic()
    with Job((), later=(90.0, lambda _: came.append("later"))).prepared(local_iam):
        pass

    assert time.monotonic() - started < 60
    assert [] == came
    assert not [it for it in threading.enumerate() if isinstance(it, threading.Timer)]


def test_busy_parents_meet_a_slower_service_later(local_iam: LocalIAM) -> None:
    """All of them do, recipe and twin, and no other program does."""
    later = {
        file: job(file, local_iam.project, local_iam.service_accounts).later
        for file in recipe_files()
    }
    found = {file: fault[0] for file, fault in later.items() if fault}

    twins = [f"{file}_broken" for file in BUSY]
    assert dict.fromkeys([*BUSY, *twins], BUSY_SECONDS) == found
