"""What is measured, and what is kept of it."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from recipes.testing.local_iam import LocalIAM
from tests.evidence import measure
from tests.evidence.environments import here
from tests.evidence.jobs import job
from tests.evidence.measure import (
    attempt,
    main,
    missing,
    stack_of_a_hang,
    without_this_machine,
)
from tests.evidence.plan import Cell
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import ROOT, recipe_path, sha256
from tests.runner import InterpreterRunner, Outcome, Run

FILE = TRIAL.file
STORED = replace(TRIAL, sha256=sha256(FILE))
HANG = """\
I0000 fork_posix.cc:71] Other threads are currently calling into gRPC
Current thread 0x01 (most recent call first):
  File "multiprocessing/pool.py", line 1 in parent
Thread 0x02 (most recent call first):
  File "grpc/_channel.py", line 2 in a_thread_of_the_parent
Current thread 0x03 (most recent call first):
  File "multiprocessing/queues.py", line 3 in get
  File "multiprocessing/process.py", line 3 in an_idle_worker
Current thread 0x04 (most recent call first):
  File "grpc/_channel.py", line 4 in _blocking
  File "multiprocessing/process.py", line 4 in a_worker
Current thread 0x05 (most recent call first):
  File "grpc/_channel.py", line 5 in _blocking
  File "multiprocessing/process.py", line 5 in another_worker
"""


def test_stored_trials_are_not_made_again() -> None:
    """An interrupted measurement goes on where it stopped."""
    fork, spawn = (here(), Cell(FILE, "fork")), (here(), Cell(FILE, "spawn"))

    assert [fork, spawn, fork, spawn, spawn] == list(missing([fork, spawn], 3, [STORED]))


def test_trials_of_another_text_or_environment_do_not_count() -> None:
    """A changed recipe, or another Python, is measured from the start."""
    other = replace(STORED, environment=replace(STORED.environment, python="3.9.0"))

    assert 3 == len(list(missing([(here(), Cell(FILE, "fork"))], 3, [TRIAL, other])))


def test_hang_is_shown_by_the_stack_of_a_worker_in_a_call() -> None:
    """What was logged before stays; of all stacks one that waits in gRPC is kept."""
    shown = stack_of_a_hang(HANG)

    assert "fork_posix" in shown
    assert "a_worker" in shown
    assert 1 == shown.count("most recent call first")


def test_output_is_kept_of_twins_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a twin wrote when it failed is kept by file and start method, and nothing else is."""
    monkeypatch.setattr(measure, "OUTPUTS", tmp_path)
    run = Run(Path("a.py"), Outcome("raises", "E"), stdout="", stderr="why\n", seconds=1.0)
    for file, outcome in (("threads/a_broken", "raises E"), ("threads/b_broken", "ok")):
        measure.keep_output(replace(TRIAL, file=file, outcome=outcome), run)
    measure.keep_output(replace(TRIAL, outcome="raises E"), run)

    assert {"threads/a_broken.fork.txt": "why\n"} == {
        path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.txt")
    }


def test_kept_output_names_no_folder_of_this_machine() -> None:
    """Paths begin at the checkout or at the library; the runner's own frames are left out."""
    text = f'  File "{ROOT}/recipes/a.py"\n  File "{ROOT}/tests/runner/child.py", line 1\n'

    assert '  File "recipes/a.py"\n' == without_this_machine(text)
    assert "json/__init__.py" == without_this_machine(sys.modules["json"].__file__ or "")


def test_fault_of_a_job_ends_with_the_run(
    local_iam: LocalIAM, recipe_runner: InterpreterRunner
) -> None:
    """The run meets it, and the next run does not."""
    work = job(FILE, local_iam.project, local_iam.service_accounts)
    cell = Cell(FILE, "fork")
    outcomes = [
        attempt(recipe_path(FILE), each, cell, local_iam, recipe_runner)[0]
        for each in (replace(work, fault=lambda it: it.fail("PERMISSION_DENIED")), work)
    ]

    assert ["raises PermissionDenied", "ok"] == outcomes


def test_unknown_recipe_is_one_clear_line() -> None:
    """A name that is no recipe ends with an error that says where to look."""
    result = CliRunner().invoke(main, ["--recipe=threads/no_such_recipe"])

    assert 2 == result.exit_code
    assert "no such recipe: threads/no_such_recipe; see recipes/" in result.output
