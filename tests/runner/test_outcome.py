"""Outcomes as text, and the outcome of a recipe."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.runner import Outcome, Run, outcome_of_recipe

INPUTS = ["a", "b"]


def run(outcome: str, stdout: str = "a\t1\nb\t2\n") -> Run:
    return Run(Path("recipe.py"), Outcome.parse(outcome), stdout, stderr="", seconds=0.0)


@pytest.mark.parametrize(
    "text", ["ok", "raises ValueError", "hang", "crash SIGSEGV", "parent crash SIGABRT", "lost"]
)
def test_outcome_is_read_as_written(text: str) -> None:
    """An outcome survives the way through a file."""
    assert text == str(Outcome.parse(text))


@pytest.mark.parametrize("text", ["", "okay", "raises", "hang 5", "crash segv", "ok ok"])
def test_other_words_are_no_outcome(text: str) -> None:
    """A misspelt outcome is an error that lists the outcomes there are."""
    with pytest.raises(ValueError, match="write one of: ok, raises TYPE"):
        Outcome.parse(text)


@pytest.mark.parametrize(
    ("ended", "stdout", "expected"),
    [
        ("ok", "a\t1\nb\t2\n", "ok"),
        ("ok", "b\tx\ty\nsome text\na\t\n", "ok"),
        ("ok", "a\t1\n", "lost"),
        ("ok", "a\t1\nb\t2\nb\t2\n", "lost"),
        ("ok", "a\t1\nb\t2\nc\t3\n", "lost"),
        ("raises SystemExit", "a\t1\n", "lost"),
        ("raises SystemExit", "a\t1\nb\tdenied\n", "raises SystemExit"),
        ("raises BrokenProcessPool", "a\t1\n", "raises BrokenProcessPool"),
        ("hang", "a\t1\n", "hang"),
        ("crash SIGSEGV", "a\t1\n", "parent crash SIGSEGV"),
    ],
)
def test_outcome_of_recipe(ended: str, stdout: str, expected: str) -> None:
    """A recipe that ends by itself without exactly one answer for each input has lost some."""
    assert expected == str(outcome_of_recipe(run(ended, stdout), INPUTS, forks=True))


@pytest.mark.parametrize(
    ("ended", "stderr", "expected"),
    [
        ("raises SystemExit", "c\tfailed\n", "ok"),
        ("raises SystemExit", "", "lost"),
        ("raises SystemExit", "c\tfailed\nc\tfailed\n", "lost"),
        ("raises SystemExit", "c\tfailed\na\tfailed\n", "lost"),
        ("ok", "c\tfailed\n", "lost"),
        ("raises PermissionDenied", "c\tfailed\n", "raises PermissionDenied"),
    ],
)
def test_outcome_with_an_input_that_fails(ended: str, stderr: str, expected: str) -> None:
    """An input that must fail is named once on the standard error, and the exit code is 1."""
    failed = replace(run(ended), stderr=stderr)

    assert expected == str(outcome_of_recipe(failed, INPUTS, ["c"], forks=False))


@pytest.mark.parametrize(
    ("forks", "expected"), [(True, "parent crash SIGSEGV"), (False, "crash SIGSEGV")]
)
def test_crash_of_the_process_that_forks(forks: bool, expected: str) -> None:
    """The main process of a recipe that forks is the parent of the others."""
    assert expected == str(outcome_of_recipe(run("crash SIGSEGV"), INPUTS, forks=forks))
