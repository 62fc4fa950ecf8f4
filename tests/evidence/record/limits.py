"""Limits of a run that a reader must know to judge its outcome.

They stand with the record and not with what measures, so that the pages can tell them: a hang is
what has not ended by its deadline.
"""

from tests.book import is_twin
from tests.evidence.record.plan import Cell

RECIPE_DEADLINE = 60.0
HANG_DEADLINES = {"fork": 15.0, "spawn": 30.0, "forkserver": 30.0}
"""Seconds. What ends by itself does so well within the first; a twin that has not ended by the
second hangs, and is not waited for any longer. Workers that are not forked take longer to start.
"""
KEY_BITS = 2048
FORKED_KEY_BITS = 1024
"""Of a service account's key, in a new interpreter and in a fork: IAM makes keys of both sizes.

A process that loads the larger one computes 34 ms for it, a third of a small program's time.
"""


def deadline_of(cell: Cell) -> float:
    """Return the seconds after which a recipe or broken twin hangs."""
    return HANG_DEADLINES[cell.start_method] if is_twin(cell.file) else RECIPE_DEADLINE
