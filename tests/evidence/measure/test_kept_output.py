"""What is kept of what a twin printed."""

import sys
from dataclasses import replace
from pathlib import Path

from tests.book import ROOT
from tests.evidence.measure.kept_output import (
    failure_of_recipe,
    keep_output,
    stack_of_a_hang,
    without_this_machine,
)
from tests.runner import Outcome, Run
from tests.support.trials import HANG, TRIAL


def test_hang_is_shown_by_the_stack_of_a_worker_in_a_call() -> None:
    """What was logged before stays; of all stacks one that waits in gRPC is kept."""
    shown = stack_of_a_hang(HANG)

    assert "fork_posix" in shown
    assert "a_worker" in shown
    assert 1 == shown.count("most recent call first")
    others = HANG.replace("grpc/_channel.py", "grpc/_server.py")
    assert "in parent" in stack_of_a_hang(others)


def test_output_is_kept_of_twins_that_failed(tmp_path: Path) -> None:
    """By file and settings, with the releases that the tests run with, and nothing else is."""
    run = Run(Path("a.py"), Outcome("raises", "E"), stdout="", stderr="why\n", seconds=1.0)
    failed = replace(TRIAL, file="threads/a_broken", outcome="raises E")
    disabled = replace(TRIAL.environment, fork_support="0")
    kept = [failed, replace(failed, environment=disabled)]
    others = [
        replace(failed, file="threads/b_broken", outcome="ok"),
        replace(failed, file="threads/b"),
        replace(failed, file="threads/c_broken", process="forked"),
        replace(
            failed,
            file="threads/d_broken",
            environment=replace(TRIAL.environment, grpcio="1.0.0"),
        ),
    ]
    for trial in (*kept, *others):
        keep_output(trial, run, tmp_path)

    assert dict.fromkeys(("threads/a_broken.fork.txt", "threads/a_broken.fork.0.txt"), "why\n") == {
        path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.txt")
    }


def test_kept_output_names_no_folder_of_this_machine() -> None:
    """Paths begin at the checkout or at the library; the runner's own frames are left out."""
    text = f'  File "{ROOT}/recipes/a.py"\n  File "{ROOT}/tests/runner/child.py", line 1\n'

    assert '  File "recipes/a.py"\n' == without_this_machine(text)
    assert "json/__init__.py" == without_this_machine(sys.modules["json"].__file__ or "")


def test_recipe_that_hangs_says_where() -> None:
    """Of the stacks of all its processes the one that waits in gRPC is said."""
    trial = replace(TRIAL, file="threads/a", outcome="hang")
    run = Run(Path("a.py"), Outcome("hang"), stdout="", stderr=HANG, seconds=60.0)
    said = failure_of_recipe(trial, run)

    assert said is not None
    assert "line 4 in a_worker" in said
    assert "in parent" not in said
    assert failure_of_recipe(replace(trial, outcome="raises ImportError"), run) is None
    assert failure_of_recipe(replace(trial, file="threads/a_broken"), run) is None
