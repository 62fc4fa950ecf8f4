"""Fixtures that run recipes: `cook` runs one, `stands` tries its stored verdict.

Both run them as a trial is run; `--new-interpreter` does without the process that has imported
the clients before.
"""

from collections.abc import Callable, Iterator

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import is_twin, recipe_of
from tests.evidence.measure.run_job import Done, run_job
from tests.evidence.record.limits import deadline_beside
from tests.evidence.record.store import RECORD
from tests.evidence.record.verdicts import Verdict, contradiction
from tests.runner import ForkRunner, InterpreterRunner, Run, Runner
from tests.support import first_signature

Cook = Callable[..., Run]
"""`cook(file, *argv, **variables)` runs a recipe with its job, or with other arguments.

`faults=False` leaves out the faults of the job, for a test that makes its own.
"""

Stands = Callable[..., None]
"""`stands(file, start_method, fork_support="unset")` fails where today's outcomes contradict the
stored verdict.
"""


@pytest.fixture(scope="session", name="recipe_runner")
def _recipe_runner(pytestconfig: pytest.Config) -> Iterator[Runner]:
    """Run recipes as trials are run: forked from a process that has imported the clients."""
    kind = InterpreterRunner if pytestconfig.getoption("new_interpreter") else ForkRunner
    with kind() as runner:
        yield runner


@pytest.fixture(scope="session")
def interpreter_runner() -> Iterator[InterpreterRunner]:
    """Run programs of a test's own, which may care for what is imported when."""
    with InterpreterRunner() as runner:
        yield runner


@pytest.fixture(name="cook")
def _cook(local_iam: LocalIAM, recipe_runner: Runner) -> Cook:
    def cook(file: str, *argv: str, faults: bool = True, **variables: str) -> Run:
        return run_job(
            file, local_iam, recipe_runner, argv=argv, variables=variables, faults=faults
        ).run

    return cook


@pytest.fixture(name="stands")
def _stands(
    local_iam: LocalIAM,
    recipe_runner: Runner,
    record_property: Callable[[str, object], None],
) -> Stands:
    def stands(file: str, start_method: str, fork_support: str = "unset") -> None:
        seen: list[str] = []
        stored = RECORD.verdict(file, start_method, fork_support)
        deadline = _deadline(stored, start_method)

        def run() -> Done:
            return run_job(
                file,
                local_iam,
                recipe_runner,
                start_method=start_method,
                fork_support=fork_support,
                deadline=deadline,
            )

        def outcomes() -> Iterator[str]:
            while True:
                done = first_signature.tried(run, lambda done: done.run)
                seen.append(done.outcome)
                yield done.outcome

        contradicted = contradiction(stored, outcomes())
        record_property("kind", "twin" if is_twin(file) else "recipe")
        record_property("file", file)
        record_property("outcome", seen[-1])
        assert contradicted is None, contradicted

    return stands


def _deadline(stored: Verdict, start_method: str) -> float | None:
    """Return a deadline for what is known to hang, in seconds; None is the file's own."""
    if not (is_twin(stored.file) and "hang" in stored.outcomes):
        return None
    recipe = [trial.seconds for trial in RECORD.verdict(recipe_of(stored.file)).trials]
    return deadline_beside(recipe, stored.file, start_method)
