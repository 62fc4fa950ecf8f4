"""Today: what recipes and broken twins do here and now, against their stored verdicts."""

from collections.abc import Iterator

from recipes.testing.local_iam import LocalIAM
from tests.evidence.measure import try_once
from tests.evidence.plan import Cell
from tests.evidence.verdicts import contradiction, verdict
from tests.runner import InterpreterRunner


def outcomes(cell: Cell, local_iam: LocalIAM, runner: InterpreterRunner) -> Iterator[str]:
    """Run a recipe or broken twin again and again; yield each outcome."""
    while True:
        yield try_once(cell, local_iam, runner)[0].outcome


def changed(cell: Cell, local_iam: LocalIAM, runner: InterpreterRunner) -> str | None:
    """Say how today's outcomes contradict the stored verdict, or None where it stands."""
    return contradiction(verdict(*cell), outcomes(cell, local_iam, runner))
