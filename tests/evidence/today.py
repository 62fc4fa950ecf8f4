"""Today: what recipes and broken twins do here and now, against their stored verdicts."""

from collections.abc import Iterator

from recipes.testing.local_iam import LocalIAM
from tests.evidence.measure import deadline_of, try_once
from tests.evidence.verdicts import contradiction, verdict
from tests.runner import InterpreterRunner


def outcomes(
    file: str, start_method: str, local_iam: LocalIAM, runner: InterpreterRunner
) -> Iterator[str]:
    """Run a recipe or broken twin again and again; yield each outcome."""
    while True:
        deadline = deadline_of(file, start_method)
        yield try_once(file, start_method, local_iam, runner, deadline)[0].outcome


def changed(
    file: str, start_method: str, local_iam: LocalIAM, runner: InterpreterRunner
) -> str | None:
    """Say how today's outcomes contradict the stored verdict, or None where it stands."""
    stored = verdict(file, start_method)
    return contradiction(stored, outcomes(file, start_method, local_iam, runner))
