"""How long a run may take."""

import pytest

from tests.evidence.record.limits import (
    HANG_DEADLINES,
    RECIPE_DEADLINE,
    ROOM,
    SHORTEST,
    deadline_beside,
    deadline_of,
)


@pytest.mark.parametrize("method", [None, *HANG_DEADLINES])
def test_recipe_has_room(method: str | None) -> None:
    """However its workers start, it is waited for."""
    assert RECIPE_DEADLINE == deadline_of("threads/a", method)


@pytest.mark.parametrize("method", HANG_DEADLINES)
def test_twin_is_waited_for_as_long_as_its_workers_take_to_start(method: str) -> None:
    """One that has not ended by then hangs."""
    assert HANG_DEADLINES[method] == deadline_of("threads/a_broken", method)


def test_twin_that_chooses_has_the_time_of_the_slowest() -> None:
    """It may start its workers in any way."""
    assert max(HANG_DEADLINES.values()) == deadline_of("threads/a_broken")
    assert max(HANG_DEADLINES.values()) < RECIPE_DEADLINE


def test_twin_that_is_known_to_hang_has_a_multiple_of_the_time_of_its_recipe() -> None:
    """The quickest trial counts: the others may have waited for processors."""
    assert ROOM * 2.0 == deadline_beside([9.0, 2.0], "threads/a_broken", "fork")


@pytest.mark.parametrize(("seconds", "deadline"), [(0.1, SHORTEST), (60.0, HANG_DEADLINES["fork"])])
def test_known_hang_is_neither_too_soon_nor_later_than_any(seconds: float, deadline: float) -> None:
    """A process needs some seconds to start, and a twin never more than its deadline."""
    assert deadline == deadline_beside([seconds], "threads/a_broken", "fork")
