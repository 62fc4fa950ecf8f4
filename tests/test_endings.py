"""How recipes end without credentials, with wrong arguments, and where an input cannot be sent."""

import os

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.jobs import job_of
from tests.runner import answers
from tests.support.live import live
from tests.support.recipes import Cook

OTHERS = ("safeguards/pytest_fork_safety",)
"""A suite of tests, which pytest runs."""
RECIPES = [rule.recipe for rule in BOOK.rules() if rule.recipe not in OTHERS]
MISSING = "no-such-file.json"
LIMITED = ("processes/stop_pool", "threads/stop_cleanly")
"""The recipes whose jobs have them stop before all is done."""


@pytest.mark.parametrize("file", RECIPES)
def test_without_credentials_there_is_one_line(cook: Cook, file: str) -> None:
    """The recipe prints what is missing, and no traceback, and its exit code is 1."""
    run = cook(file, faults=False, GOOGLE_APPLICATION_CREDENTIALS=MISSING)

    assert "raises SystemExit" == str(run.outcome)
    assert ([f"File {MISSING} was not found."], "") == (run.stderr.splitlines(), run.stdout)


@pytest.mark.parametrize("file", [file for file in RECIPES if job_of(file).argv])
def test_wrong_number_of_arguments_is_answered_with_the_usage(cook: Cook, file: str) -> None:
    """With one where it takes more, and with two where it takes one, nothing is done."""
    run = cook(file, *(["?"] * (2 if len(job_of(file).argv) == 1 else 1)))

    assert ("raises SystemExit", "") == (str(run.outcome), run.stdout)
    assert "usage: " in run.stderr.lower()
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("file", [file for file in RECIPES if job_of(file).stdin])
def test_input_that_cannot_be_sent_costs_no_other(
    local_iam: LocalIAM, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """What is no text, as Python reads it in the locale C, is named; the others are answered."""
    monkeypatch.setenv("LC_ALL", "C")
    work = job_of(file).work(local_iam.project, local_iam.service_accounts)
    argv = (*work.argv[:-1], "300") if file in LIMITED else work.argv
    first, *others = work.inputs[:4]
    lines = [first.encode(), b"\xff", *(other.encode() for other in others)]
    with live(file, *argv) as running:
        assert running.process.stdin
        os.write(running.process.stdin.fileno(), b"\n".join(lines))
        stdout, stderr = running.finish()

    assert 1 == running.process.returncode, stderr
    assert sorted([first, *others]) == sorted(name for name, _ in answers(stdout))
    assert [r"\udcff"] == [name for name, _ in answers(stderr)]
