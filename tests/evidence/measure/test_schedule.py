"""Which trials are made next, and so many at a time."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.book import BOOK
from tests.evidence.measure.interpreters import Interpreter, here
from tests.evidence.measure.schedule import Turns, at_a_time, missing, planned_along
from tests.evidence.measure.slots import Todo
from tests.evidence.record.plan import FEW, TRIALS, Variant
from tests.evidence.record.store import Record
from tests.support.trials import TRIAL, made, of_today

FILE = TRIAL.file
STORED = of_today(TRIAL)
HERE = here()


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Record:
    return Record(tmp_path)


def in_order(found: Iterable[Todo]) -> list[Todo]:
    """Return the same with one cell's trials beside each other."""
    return sorted(found, key=lambda todo: todo[1])


def each(number: int, *todo: Todo) -> dict[Todo, int]:
    """Plan so many trials of each."""
    return dict.fromkeys(todo, number)


def test_stored_trials_are_not_made_again(record: Record) -> None:
    """An interrupted measurement goes on where it stopped."""
    record.append([STORED])
    fork, spawn = (HERE, Variant(FILE, "fork")), (HERE, Variant(FILE, "spawn"))

    assert [fork, fork, spawn, spawn, spawn] == in_order(missing(each(3, fork, spawn), record))


def test_cell_with_more_trials_than_planned_lacks_none(record: Record) -> None:
    """They are kept, and others get theirs."""
    record.append(made(STORED, {"ok": 5}))
    fork, spawn = (HERE, Variant(FILE, "fork")), (HERE, Variant(FILE, "spawn"))

    assert [spawn] == list(missing({fork: 3, spawn: 1}, record))


def test_trials_of_another_program_job_or_environment_do_not_count(record: Record) -> None:
    """A changed recipe or job, or another Python, is measured from the start."""
    elsewhere = replace(STORED, environment=replace(STORED.environment, python="3.9.0"))
    record.append([TRIAL, replace(STORED, job="0" * 12), elsewhere])

    assert 3 == len(list(missing(each(3, (HERE, Variant(FILE, "fork"))), record)))


def test_cells_take_turns(record: Record) -> None:
    """What computes and what waits are mixed, and each time every cell has its turn."""
    cells = [(HERE, Variant(file, "fork")) for file in BOOK.files()[:8]]
    found = list(missing(each(2, *cells), record))

    assert cells != found[:8]
    assert cells == in_order(found[:8]) == in_order(found[8:])


def test_one_place_is_done_before_the_next(record: Record) -> None:
    """Each value of GRPC_ENABLE_FORK_SUPPORT has processes of its own to fork from."""
    on, off = ((HERE, Variant(FILE, "fork", support)) for support in ("1", "0"))
    other = (HERE, Variant(FILE, "spawn", "1"))
    found = list(missing(each(2, on, off, other), record))

    assert [{on, other}, {on, other}, {off}] == [{*found[:2]}, {*found[2:4]}, {*found[4:]}]


RELEASES = ("1.99.9", "1.99.8", "1.99.7", "1.99.6", "1.99.5", "1.99.4")
AT = [Interpreter(Path(release), HERE.python, release, "2.0.0") for release in RELEASES]


def test_strip_of_each_variant_is_planned_by_its_own_outcomes(record: Record) -> None:
    """What changes in one file makes no trial of another."""
    other = "threads/use_rest"
    strips = {file: [(at, Variant(file, "fork")) for at in AT] for file in (FILE, other)}
    for place, todo in enumerate(strips[FILE]):
        environment = todo[0].environment("fork", "unset")
        outcome = {"hang" if place < 3 else "ok": FEW}
        record.append(made(replace(STORED, environment=environment), outcome))
    planned = planned_along("grpcio", [*strips[FILE], *strips[other]], record)

    all_of, few = TRIALS, FEW
    assert [all_of, few, all_of, all_of, few, all_of] == [planned[todo] for todo in strips[FILE]]
    assert [all_of, few, few, few, few, all_of] == [planned[todo] for todo in strips[other]]


def test_values_of_fork_support_are_one_strip(record: Record) -> None:
    """Its cells are all at one interpreter; the one in the middle is no end."""
    strip = [(HERE, Variant(FILE, "fork", support)) for support in ("unset", "0", "1")]

    assert [TRIALS, FEW, TRIALS] == [*planned_along("fork-support", strip, record).values()]


def test_slot_stays_at_its_place_while_something_is_left_there() -> None:
    """Then it goes to a place where no slot is; whoever changes places imports all anew."""
    visited: list[list[str]] = []
    all_here = threading.Barrier(2)

    @contextmanager
    def open_slot() -> Iterator[Callable[[str], None]]:
        mine: list[str] = []
        visited.append(mine)

        def attempt(each: str) -> None:
            all_here.wait(60)
            mine.append(each[0])

        yield attempt

    todo = ["a1", "b1", "a2", "b2", "c1", "c2", "d1", "d2"]
    list(at_a_time(todo, 2, open_slot, "letters", lambda each: each[0]))
    assert sorted(2 * letter for letter in "abcd") == sorted(
        "".join(mine[place : place + 2]) for mine in visited for place in (0, 2)
    )


def test_slots_share_a_place_where_no_other_is_left() -> None:
    """None is idle while there is something to do."""
    turns = Turns(["a1", "a2", "a3", "b1"], lambda each: each[0])

    assert ("a", "a1") == turns.take(None)
    assert ("b", "b1") == turns.take(None)
    assert ("a", "a2") == turns.take("b")
    assert ("a", "a3") == turns.take("a")


@contextmanager
def doubling() -> Iterator[Callable[[int], int]]:
    """Open a slot that doubles."""
    yield lambda number: 2 * number


def test_each_is_tried_once() -> None:
    """Whatever the number of slots."""
    for slots in (1, 3, 50):
        found = at_a_time(range(20), slots, doubling, "numbers")
        assert [2 * number for number in range(20)] == sorted(found)


def test_so_many_are_tried_at_a_time_each_in_a_slot_of_its_own() -> None:
    """A slot is opened for each, no more than there is to do, and all are closed."""
    opened = Counter[str]()
    all_here = threading.Barrier(3)

    @contextmanager
    def open_slot() -> Iterator[Callable[[int], int]]:
        opened["open"] += 1
        alone = threading.Lock()

        def attempt(number: int) -> int:
            assert alone.acquire(blocking=False)
            all_here.wait(60)
            alone.release()
            return number

        yield attempt
        opened["closed"] += 1

    assert [*range(9)] == sorted(at_a_time(range(9), 3, open_slot, "numbers"))
    assert {"open": 3, "closed": 3} == opened
    assert [7] == list(at_a_time([7], 3, doubling_once(opened), "numbers"))
    assert {"open": 4, "closed": 4} == opened


def doubling_once(
    opened: Counter[str],
) -> Callable[[], AbstractContextManager[Callable[[int], int]]]:
    """Return what opens slots and counts them."""

    @contextmanager
    def open_slot() -> Iterator[Callable[[int], int]]:
        opened["open"] += 1
        yield lambda number: number
        opened["closed"] += 1

    return open_slot


def test_failure_ends_what_is_under_way() -> None:
    """The slots are closed, and what was not begun is not tried."""
    tried: list[int] = []
    closed = threading.Event()

    @contextmanager
    def open_slot() -> Iterator[Callable[[int], int]]:
        def attempt(number: int) -> int:
            tried.append(number)
            if number == 2:
                raise ZeroDivisionError
            assert number < 3 or closed.wait(60)
            return number

        try:
            yield attempt
        finally:
            closed.set()

    with pytest.raises(ZeroDivisionError):
        list(at_a_time(range(1000), 1, open_slot, "numbers"))
    assert closed.is_set()
    assert [*range(4)][: len(tried)] == tried
