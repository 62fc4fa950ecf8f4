"""How long a run may take before it is a hang.

A recipe has room: on a loaded machine it may take long, and is waited for. A broken twin that has
not ended by its limit hangs, and is not waited for any longer.
"""

from collections.abc import Iterable

from tests.book import is_twin

RECIPE_DEADLINE = 60.0
HANG_DEADLINES = {"fork": 15.0, "spawn": 30.0, "forkserver": 30.0}
"""Seconds. What ends by itself does so well within the first; a twin that has not ended by the
second hangs. Workers that are not forked take longer to start.
"""
ROOM = 3
"""A twin that is known to hang is waited for so many times as long as its recipe can take."""
SHORTEST = 3.0
"""Seconds that each twin has."""
KEY_BITS = 2048
FORKED_KEY_BITS = 1024
"""Of a service account's key, in a new interpreter and in a fork: IAM makes keys of both sizes.

A process that loads the larger one computes 34 ms for it, a third of a small program's time.
"""


def deadline_of(file: str, start_method: str | None = None) -> float:
    """Return the seconds after which a recipe or broken twin hangs.

    Without a start method the program chooses, and has the time of the slowest.
    """
    if not is_twin(file):
        return RECIPE_DEADLINE
    return max(
        seconds for method, seconds in HANG_DEADLINES.items() if start_method in (method, None)
    )


def deadline_beside(recipe: Iterable[float], file: str, start_method: str) -> float:
    """Return the seconds after which a twin hangs that has hung before.

    `recipe` is how many seconds trials of its recipe took, of which the quickest met no load. What
    hangs beside threads that call computes until it is ended: so it is ended soon.
    """
    return min(max(ROOM * min(recipe), SHORTEST), deadline_of(file, start_method))
