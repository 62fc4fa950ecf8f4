"""How long a run may take."""

import pytest

from tests.evidence.record.limits import HANG_DEADLINES, RECIPE_DEADLINE, deadline_of


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
