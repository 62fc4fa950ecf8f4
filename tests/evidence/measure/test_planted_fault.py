"""A recipe with a fault must not pass, nor must an environment with such a recipe."""

import ast
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from recipes.testing.local_iam import LocalIAM
from tests.evidence import cells, measure, trials
from tests.evidence.environments import here
from tests.evidence.jobs import job, variants
from tests.evidence.measure import attempt
from tests.evidence.plan import Cell
from tests.evidence.trials import all_trials, recipe_files, recipe_path
from tests.evidence.verdicts import Verdict, contradiction, pinned, verdict
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


def test_client_created_before_the_fork_turns_a_verdict_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment whose recipe was patched so is told from the others by what is recorded."""
    file = "processes/create_in_pool_worker"
    before = verdict(file, "fork")
    twin = recipe_path(f"{file}_broken").read_text("utf-8")
    monkeypatch.setattr(trials, "RECIPES", shutil.copytree(trials.RECIPES, tmp_path / "recipes"))
    recipe_path(file).write_text(twin, "utf-8")
    monkeypatch.setattr(measure, "RECIPE_DEADLINE", measure.HANG_DEADLINES["fork"])
    monkeypatch.setattr(cells, "TRIALS", 2)
    releases = {
        "python": here().python,
        "grpcio": pinned("grpcio"),
        "iam": pinned("google-cloud-iam"),
        "recipe": file,
        "start-method": "fork",
        "trials": "2",
        "records": str(tmp_path / "records"),
    }
    options = [f"--{name}={value}" for name, value in releases.items()]
    assert 0 == CliRunner().invoke(measure.main, options).exit_code
    made = Verdict(file, all_trials(tmp_path / "records"))

    assert before.environments[0].grpcio == made.environments[0].grpcio
    assert ("held", "failed") == (cells.kind(before), cells.kind(made))
    assert contradiction(before, (trial.outcome for trial in made.trials)) is not None
