"""A recipe with a fault must not pass, nor must an environment with such a recipe."""

import ast
import shutil
from functools import partial
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, START_METHODS, Book, is_twin
from tests.evidence.measure.command import Measurement, measure
from tests.evidence.measure.interpreters import here
from tests.evidence.measure.run_job import run_job
from tests.evidence.record import cells
from tests.evidence.record.limits import HANG_DEADLINES
from tests.evidence.record.plan import FEW, Choice
from tests.evidence.record.store import RECORD, Record
from tests.evidence.record.verdicts import contradiction
from tests.runner import InterpreterRunner
from tests.support.trials import idle


def constructed(file: str) -> list[str]:
    """Return the text of each construction of a client in a recipe."""
    text = BOOK.path(file).read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    clients = [call for call in calls if ast.unparse(call.func).endswith("Client")]
    return [ast.get_source_segment(text, client) or "" for client in clients]


def without_client(file: str) -> str:
    """Return the recipe's text with `None` in the place of each client that it constructs."""
    text = BOOK.path(file).read_text("utf-8")
    for construction in constructed(file):
        text = text.replace(construction, "None")
    return text


RECIPES = [file for file in BOOK.files() if not is_twin(file) and constructed(file)]
"""Those that construct a client; the pytest plugin is the one that does not."""


def in_turn() -> list[tuple[str, str]]:
    """Return each recipe with one of its start methods, which take turns."""
    ways = [BOOK.variants(file) for file in RECIPES]
    return [of_one[turn % len(of_one)] for turn, of_one in enumerate(ways)]


def test_recipes_construct_clients() -> None:
    """The recipes without a client of their own are known by name."""
    recipes = {file for file in BOOK.files() if not is_twin(file)}

    assert {"safeguards/pytest_fork_safety"} == recipes - {*RECIPES}


def test_start_methods_take_turns() -> None:
    """A fault is planted in each recipe, and each start method has some of them."""
    assert {*BOOK.variants(*RECIPES)} > {*in_turn()}
    assert RECIPES == [file for file, _ in in_turn()]
    assert {*START_METHODS} == {start_method for _, start_method in in_turn()}


@pytest.mark.parametrize(("file", "start_method"), in_turn())
def test_recipe_without_its_client_contradicts_its_verdict(
    local_iam: LocalIAM,
    recipe_runner: InterpreterRunner,
    tmp_path: Path,
    file: str,
    start_method: str,
) -> None:
    """The check of the verdicts notices that the client is not created."""
    program = tmp_path / f"{file}.py"
    program.parent.mkdir()
    program.write_text(without_client(file), "utf-8")
    done = run_job(
        file,
        local_iam,
        recipe_runner,
        start_method=start_method,
        fork_support="unset",
        program=program,
    )

    assert contradiction(RECORD.verdict(file, start_method), [done.outcome]) is not None


def test_client_created_before_the_fork_turns_a_verdict_red(tmp_path: Path) -> None:
    """An environment whose recipe was patched so is told from the others by what is recorded."""
    file = "processes/create_in_executor_worker"  # its twin held in none of its trials
    book = Book(tmp_path)
    shutil.copytree(BOOK.recipes, book.recipes)
    twin = book.path(f"{file}_broken")
    twin.replace(book.path(file))
    record = Record(tmp_path / "records", book)
    run = partial(run_job, deadline=HANG_DEADLINES["fork"])
    measure(
        Choice(python=(here().python,), start_method=("fork",)),
        [file],
        Measurement(record, jobs=2, trials=FEW, forked=True, run=run, load=idle),
        build=lambda _: here(),
    )
    before, made = RECORD.verdict(file, "fork"), record.verdict(file, "fork")
    failed = [trial.outcome for trial in made.trials if trial.outcome != "ok"]

    assert FEW == len(made.trials)
    assert before.environments[0].grpcio == made.environments[0].grpcio
    assert ("held", "failed") == (cells.kind(before), cells.kind(made))
    assert contradiction(before, failed) is not None
