"""Fixtures that run recipes: `cook` runs one, `stands` tries its stored verdict."""

from collections.abc import Callable, Iterator

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import job
from tests.evidence.measure import RECIPE_DEADLINE, try_once
from tests.evidence.plan import Cell
from tests.evidence.trials import ROOT, recipe_path
from tests.evidence.verdicts import contradiction, verdict
from tests.runner import Command, InterpreterRunner, Run

Cook = Callable[..., Run]
"""`cook(file, *argv, **variables)` runs a recipe in a new interpreter; without argv, its job."""

Stands = Callable[..., None]
"""`stands(file, start_method, fork_support="unset")` fails where today's outcomes contradict the
stored verdict.
"""


@pytest.fixture(scope="session", name="recipe_runner")
def _recipe_runner() -> Iterator[InterpreterRunner]:
    with InterpreterRunner() as runner:
        yield runner


@pytest.fixture(name="cook")
def _cook(local_iam: LocalIAM, recipe_runner: InterpreterRunner) -> Cook:
    def cook(file: str, *argv: str, **variables: str) -> Run:
        work = job(file, local_iam.project, local_iam.service_accounts)
        command = Command(
            recipe_path(file),
            argv or work.argv,
            deadline=RECIPE_DEADLINE,
            stdin=work.stdin,
            ahead=work.ahead,
            environment={**local_iam.environment, **variables},
            cwd=ROOT,
            descriptors=work.descriptors,
        )
        return recipe_runner.run(command)

    return cook


@pytest.fixture(name="stands")
def _stands(
    local_iam: LocalIAM,
    recipe_runner: InterpreterRunner,
    record_property: Callable[[str, object], None],
) -> Stands:
    def stands(file: str, start_method: str, fork_support: str = "unset") -> None:
        seen: list[str] = []
        cell = Cell(file, start_method, fork_support)

        def outcomes() -> Iterator[str]:
            while True:
                seen.append(try_once(cell, local_iam, recipe_runner)[0].outcome)
                yield seen[-1]

        contradicted = contradiction(verdict(*cell), outcomes())
        record_property("kind", "twin" if file.endswith("_broken") else "recipe")
        record_property("file", file)
        record_property("outcome", seen[-1])
        assert contradicted is None, contradicted

    return stands
