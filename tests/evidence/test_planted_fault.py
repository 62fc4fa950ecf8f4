"""A recipe without the line that creates its client must not pass."""

import ast
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import job, variants
from tests.evidence.measure import Cell, attempt
from tests.evidence.trials import recipe_files, recipe_path
from tests.evidence.verdicts import contradiction, verdict
from tests.runner import InterpreterRunner

RECIPES = [file for file in recipe_files() if not file.endswith("_broken")]


def without_client(file: str) -> str:
    """Return the recipe's text with `None` in the place of each client that it constructs."""
    text = recipe_path(file).read_text("utf-8")
    constructed = [
        segment
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("Client")
        and (segment := ast.get_source_segment(text, node))
    ]
    assert constructed, f"{file} constructs no client"
    for segment in constructed:
        text = text.replace(segment, "None")
    return text


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
