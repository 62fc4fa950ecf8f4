"""Which trials are made next, and so many of them at a time.

Trials are made in rounds: a few of each cell first, and then, of what these showed, all that the
plan wants. Within a round a slot stays at its place while there is something to do there, as
whoever changes places imports all anew, and the cells of a place are mixed: some compute all the
time, others do nothing until their deadline.
"""

import contextlib
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from queue import SimpleQueue
from random import Random
from typing import Generic, TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tests.evidence.measure.slots import Place, Todo, place_of
from tests.evidence.record.plan import always, trials_wanted
from tests.evidence.record.store import Record

T = TypeVar("T")
R = TypeVar("R")
Planned = dict[Todo, int]
"""How many trials each cell is to have."""


def planned_along(axis: str, todo: Sequence[Todo], record: Record) -> Planned:
    """Say how many trials each cell of an axis is to have, after what is stored of it.

    The cells of a file stand in the order of the axis.
    """
    strips: dict[object, list[Todo]] = defaultdict(list)
    for interpreter, variant in todo:
        key = variant._replace(fork_support="") if axis == "fork-support" else variant
        strips[key].append((interpreter, variant))
    planned: Planned = {}
    for strip in strips.values():
        seen = [(release_of(axis, each), outcomes_of(each, record)) for each in strip]
        planned |= zip(strip, trials_wanted(seen, always()), strict=True)
    return planned


def release_of(axis: str, todo: Todo) -> str:
    """Return what stands on an axis for a cell."""
    interpreter, variant = todo
    return {
        "grpcio": interpreter.grpcio,
        "iam": interpreter.google_cloud_iam,
        "python": interpreter.python,
        "fork-support": variant.fork_support,
    }[axis]


def outcomes_of(todo: Todo, record: Record) -> Counter[str]:
    """Count what is stored of a cell."""
    interpreter, variant = todo
    environment = interpreter.environment(variant.start_method, variant.fork_support)
    verdict = record.verdicts(variant.file).get(environment)
    return Counter() if verdict is None else verdict.outcomes


def missing(planned: Planned, record: Record) -> Iterator[Todo]:
    """Yield each trial that is not stored yet, one place after the other.

    At a place first one of every cell, then another.
    """
    lacking = {todo: number - outcomes_of(todo, record).total() for todo, number in planned.items()}
    at_place: dict[Place, list[Todo]] = defaultdict(list)
    for todo in planned:
        at_place[place_of(todo)].append(todo)
    for cells in at_place.values():
        Random(len(cells)).shuffle(cells)  # noqa: S311
        for number in range(max(lacking[cell] for cell in cells)):
            yield from (cell for cell in cells if number < lacking[cell])


class Turns(Generic[T]):
    """Hands out what is to be tried, to each slot what is left at the place where it is.

    A slot that finds nothing there goes to the place with the fewest slots, of these to the one
    with most left.
    """

    def __init__(self, todo: Iterable[T], place_of: Callable[[T], Hashable]) -> None:
        self._left: dict[Hashable, deque[T]] = defaultdict(deque)
        for each in todo:
            self._left[place_of(each)].append(each)
        self._slots = Counter[Hashable]()
        self._lock = threading.Lock()

    def take(self, here: Hashable) -> tuple[Hashable, T]:
        """Return the next with its place, for a slot that is `here`; there is one for each call."""
        with self._lock:
            place = here if here in self._left else self._move(here)
            each = self._left[place].popleft()
            if not self._left[place]:
                del self._left[place]
            return place, each

    def _move(self, here: Hashable) -> Hashable:
        place = min(self._left, key=lambda each: (self._slots[each], -len(self._left[each])))
        self._slots.update({place: 1, here: -1})
        return place


def nowhere(_: object) -> None:
    """Say that all is tried at one place."""


def at_a_time(
    todo: Sequence[T],
    slots: int,
    open_slot: Callable[[], AbstractContextManager[Callable[[T], R]]],
    what: str,
    place_of: Callable[[T], Hashable] = nowhere,
) -> Iterator[R]:
    """Try each, in so many slots; whatever interrupts this ends the trials under way."""
    with contextlib.ExitStack() as stack:
        threads = ThreadPoolExecutor(slots)
        stack.callback(threads.shutdown)
        idle: SimpleQueue[tuple[Hashable, Callable[[T], R]]] = SimpleQueue()
        for number in range(min(slots, len(todo))):
            idle.put((f"slot {number}, not used yet", stack.enter_context(open_slot())))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        turns = Turns(todo, place_of)

        def try_next_in_an_idle_one() -> R:
            place, attempt = idle.get()
            place, each = turns.take(place)
            try:
                return attempt(each)
            finally:
                idle.put((place, attempt))

        futures = [threads.submit(try_next_in_an_idle_one) for _ in todo]
        for future in progress(as_completed(futures), len(todo), what):
            yield future.result()


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield each, with a bar of how many are done and how long the rest will take."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn(what), *columns) as bar:
        yield from bar.track(items, total)
