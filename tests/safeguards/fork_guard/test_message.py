"""The guard's error tells what was done where, and what to do."""

import shutil
from pathlib import Path

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT
from tests.runner import Command, InterpreterRunner, answers
from tests.support.attack import DEADLINE, Attack, said

PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-guard.html"
PROGRAMS = Path(__file__).with_name("programs")


def line_with(script: Path, text: str) -> int:
    """Return the number of the first line that has a text."""
    lines = script.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_message_names_processes_place_and_page(attack: Attack) -> None:
    """The error names both processes, the line that constructed the client, and the page."""
    run = attack("message")
    places = line_with(run.script, "return iam_"), line_with(run.script, "# the other")

    assert "ok" == str(run.outcome), run.stderr
    for (parent, answer), line in zip(answers(run.stdout), places, strict=True):
        child, _, message = answer.partition(" ")
        assert parent != child
        assert message == (
            f"the client that process {parent} created at {run.script}:{line} is used in process "
            f"{child}, which inherited it: create a client in each process, see {PAGE}"
        )


def test_place_in_an_installed_program(
    local_iam: LocalIAM, interpreter_runner: InterpreterRunner, tmp_path: Path
) -> None:
    """Where the program itself is installed, its line is named, not one of Google's packages."""
    program = tmp_path / "site-packages" / "program.py"
    program.parent.mkdir()
    shutil.copy(PROGRAMS / "constructed_in_a_thread.py", program)
    environment = {
        **local_iam.environment,
        "ACCOUNT": local_iam.service_accounts[0],
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    command = Command(program, deadline=DEADLINE, environment=environment, cwd=tmp_path)
    run = interpreter_runner.run(command)
    line = line_with(program, "return iam_")

    assert f"created at {program}:{line} is used" in dict(said(run))["message"]
