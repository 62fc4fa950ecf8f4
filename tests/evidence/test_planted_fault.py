"""A recipe without the line that creates its client must not pass."""

import ast
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import job, variants
from tests.evidence.measure import attempt
from tests.evidence.plan import Cell
from tests.evidence.trials import recipe_files, recipe_path
from tests.evidence.verdicts import contradiction, verdict
from tests.runner import InterpreterRunner


def constructed(file: str) -> list[str]:
    """Return the text of each construction of a client in a recipe."""
    text = recipe_path(file).read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    clients = [call for call in calls if ast.unparse(call.func).endswith("Client")]
    return [ast.get_source_segment(text, client) or "" for client in clients]


def without_client(file: str) -> str:
    """Return the recipe's text with `None` in the place of each client that it constructs."""
    text = recipe_path(file).read_text("utf-8")
    for construction in constructed(file):
        text = text.replace(construction, "None")
    return text


RECIPES = [file for file in recipe_files() if not file.endswith("_broken") and constructed(file)]
"""Those that construct a client; the pytest plugin is the one that does not."""


def test_recipes_construct_clients() -> None:
    """The recipes without a client of their own are known by name."""
    recipes = {file for file in recipe_files() if not file.endswith("_broken")}

    assert {"safeguards/pytest_fork_safety"} == recipes - {*RECIPES}


@pytest.mark.parametrize(("file", "start_method"), variants(*RECIPES))
def test_recipe_without_its_client_contradicts_its_verdict(
    local_iam: LocalIAM,
    recipe_runner: InterpreterRunner,
    tmp_path: Path,
    file: str,
    start_method: str,
) -> None:
    """The check of the verdicts notices that the client is not created."""
    script = tmp_path / f"{file}.py"
    script.parent.mkdir()
    script.write_text(without_client(file), "utf-8")
    work = job(file, local_iam.project, local_iam.service_accounts)
    outcome, _ = attempt(script, work, Cell(file, start_method), local_iam, recipe_runner)

    assert contradiction(verdict(file, start_method), [outcome]) is not None
