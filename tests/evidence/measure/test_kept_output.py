"""What is kept of what a twin printed."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence import kept_output
from tests.evidence.kept_output import keep_output, stack_of_a_hang, without_this_machine
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import ROOT
from tests.runner import Outcome, Run

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


def test_hang_is_shown_by_the_stack_of_a_worker_in_a_call() -> None:
    """What was logged before stays; of all stacks one that waits in gRPC is kept."""
    shown = stack_of_a_hang(HANG)

    assert "fork_posix" in shown
    assert "a_worker" in shown
    assert 1 == shown.count("most recent call first")
    others = HANG.replace("grpc/_channel.py", "grpc/_server.py")
    assert "in parent" in stack_of_a_hang(others)


def test_output_is_kept_of_twins_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By file and start method, with the releases that the tests run with, and nothing else is."""
    monkeypatch.setattr(kept_output, "OUTPUTS", tmp_path)
    run = Run(Path("a.py"), Outcome("raises", "E"), stdout="", stderr="why\n", seconds=1.0)
    for file, outcome in (("threads/a_broken", "raises E"), ("threads/b_broken", "ok")):
        keep_output(replace(TRIAL, file=file, outcome=outcome), run)
    keep_output(replace(TRIAL, outcome="raises E"), run)
    failed = replace(TRIAL, file="threads/c_broken", outcome="raises E")
    keep_output(replace(failed, process="forked"), run)
    keep_output(
        replace(failed, environment=replace(TRIAL.environment, grpcio="1.0.0")),
        run,
    )

    assert {"threads/a_broken.fork.txt": "why\n"} == {
        path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.txt")
    }


def test_kept_output_names_no_folder_of_this_machine() -> None:
    """Paths begin at the checkout or at the library; the runner's own frames are left out."""
    text = f'  File "{ROOT}/recipes/a.py"\n  File "{ROOT}/tests/runner/child.py", line 1\n'

    assert '  File "recipes/a.py"\n' == without_this_machine(text)
    assert "json/__init__.py" == without_this_machine(sys.modules["json"].__file__ or "")
