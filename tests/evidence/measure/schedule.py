"""Trials at a time: as many as there are slots, each with what no other trial may use."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import TypeVar

from rich.progress import track

T = TypeVar("T")
R = TypeVar("R")


def at_a_time(
    todo: Sequence[T],
    slots: int,
    open_slot: Callable[[], AbstractContextManager[Callable[[T], R]]],
    what: str,
) -> Iterator[R]:
    """Try each, so many at a time; whatever interrupts this ends the trials under way."""
    with ExitStack() as stack:
        threads = ThreadPoolExecutor(slots)
        stack.callback(threads.shutdown)
        idle: SimpleQueue[Callable[[T], R]] = SimpleQueue()
        for _ in range(min(slots, len(todo))):
            idle.put(stack.enter_context(open_slot()))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)

        def try_in_an_idle_one(each: T) -> R:
            try_one = idle.get()
            try:
                return try_one(each)
            finally:
                idle.put(try_one)

        futures = [threads.submit(try_in_an_idle_one, each) for each in todo]
        for future in track(as_completed(futures), what, len(todo)):
            yield future.result()
