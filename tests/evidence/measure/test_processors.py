"""When there is room for a run, and under which load it was."""

import subprocess
import sys
import threading
import time
from itertools import count, repeat
from pathlib import Path
from subprocess import PIPE

from tests.book import ROOT
from tests.evidence.measure.processors import (
    EVERY,
    Load,
    one_at_a_time,
    runnable,
    wait_for_idle_processors,
)


def test_run_waits_for_idle_processors() -> None:
    """It starts as soon as there are some."""
    busy = iter([100.0, 97.0, 80.0, 100.0])
    wait_for_idle_processors(0.1, 3600.0, lambda _: next(busy))

    assert [100.0] == [*busy]


def test_run_starts_on_a_machine_that_is_never_idle() -> None:
    """Other work does not keep it away for ever."""
    busy = repeat(100.0, 1000)
    wait_for_idle_processors(0.1, 0, lambda _: next(busy))


def test_processors_are_looked_at_for_as_long_as_is_wanted() -> None:
    """Where all slots start at once, what the last one computes shows later."""
    looks: list[float] = []

    def look(seconds: float) -> float:
        looks.append(seconds)
        return 0.0

    wait_for_idle_processors(0.5, busy=look)
    assert [0.5] == looks


def test_load_is_the_mean_since_a_run_started() -> None:
    """What was before has no say."""
    looks = count(10.0)
    four = threading.Event()

    def look() -> float:
        number = next(looks)
        if number == 14:
            four.set()
        return number

    with Load(look) as load:
        started = time.monotonic()
        assert four.wait(60)
        after = time.monotonic()
        seen = load.since(started)

    assert 11.0 <= seen <= 12.5
    assert seen < load.since(after)


def test_run_that_ends_before_the_first_look_has_a_load() -> None:
    """That of the moment when it ended."""
    with Load(lambda: 2.5) as load:
        assert 2.5 == load.since(time.monotonic() + EVERY * 1000)


def test_load_ends_with_its_block() -> None:
    """No thread is left that looks."""
    before = threading.active_count()
    with Load(lambda: 0.0):
        assert before + 1 == threading.active_count()

    assert before == threading.active_count()


def test_thread_that_computes_is_runnable() -> None:
    """It is seen as soon as the kernel counts it, in any process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as computing:
        deadline = time.monotonic() + 60
        try:
            while runnable() <= 0:
                assert time.monotonic() < deadline
        finally:
            computing.kill()


HOLDS = """
import sys
from pathlib import Path
from tests.evidence.measure.processors import one_at_a_time

with one_at_a_time(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_is_held_by_one_of_all_processes(tmp_path: Path) -> None:
    """Whoever comes meanwhile waits until it is free, or its holder has died."""
    lock = tmp_path / "lock"
    entered = threading.Event()

    def enter() -> None:
        with one_at_a_time(lock):
            entered.set()

    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, lock], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert "held\n" == holder.stdout.readline()
            threading.Thread(target=enter, daemon=True).start()
            assert not entered.wait(0.5)
        finally:
            holder.kill()
    assert entered.wait(60)
