"""Programs that attack a safeguard: the fixture `attack` runs one, `said` reads what it saw."""

from collections.abc import Callable

from tests.runner import Run, answers

DEADLINE = 420.0
"""Seconds that a program may take; the longest take eight on a quiet machine.

A fork amid calls may freeze: it has the GIL and waits in gRPC for a thread that needs it, until
gRPC gives up after a minute. A program that forks 75 times was found in such a fork at the end of
120 s. How often that comes was not counted; there is room for six of them.
"""

Attack = Callable[..., Run]
"""`attack(name, *argv, start_method=None, deadline=DEADLINE, **variables)` runs a program of the
folder `programs` beside the test.
"""


def said(run: Run) -> list[tuple[str, str]]:
    r"""Return the lines `NAME\tANSWER` of a program that ended by itself."""
    assert "ok" == str(run.outcome), run.stderr
    found = answers(run.stdout)
    assert found, "the program said nothing"
    return found
