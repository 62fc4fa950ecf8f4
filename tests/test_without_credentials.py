"""What a reader sees who starts a recipe without credentials: one line that says so."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, is_twin
from tests.evidence.measure.run_job import run_job
from tests.runner import Runner

MISSING = "no-such-file.json"
RECIPES = [
    file for file in BOOK.files() if not is_twin(file) and BOOK.chapter(file).name == "processes"
]


@pytest.mark.parametrize("file", RECIPES)
def test_recipe_says_in_one_line_that_there_are_none(
    local_iam: LocalIAM, recipe_runner: Runner, file: str
) -> None:
    """It ends at once, in the process that was started, with exit code 1 and nothing printed."""
    _, run = run_job(
        file,
        local_iam,
        recipe_runner,
        start_method="fork",
        variables={"GOOGLE_APPLICATION_CREDENTIALS": MISSING},
    )

    assert "raises SystemExit" == str(run.outcome)
    assert ("", [f"File {MISSING} was not found."]) == (run.stdout, run.stderr.splitlines())
    assert [] == run.left_behind
