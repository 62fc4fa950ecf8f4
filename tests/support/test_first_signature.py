"""The one race that is tried again is known by its stack, and by nothing else."""

from collections.abc import Iterator
from pathlib import Path

from tests.runner import Command, InterpreterRunner, Run
from tests.support.first_signature import TRIES, tried, waits


def hung_in(folder: Path, runner: InterpreterRunner, module: str, function: str = "sign") -> Run:
    """Run a program that hangs in a function of a module, with nothing above it."""
    (folder / f"{module}.py").write_text(
        f"import time\ndef {function}(): time.sleep(60)\n", "utf-8"
    )
    program = folder / f"of_{module}_{function}.py"
    program.write_text(f"from {module} import {function}\n{function}()\n", "utf-8")
    return runner.run(Command(program, deadline=1, cwd=folder))


def test_stack_tells_it(tmp_path: Path, interpreter_runner: InterpreterRunner) -> None:
    """A hang in google-auth's signature is known; one elsewhere is the program's own."""
    signer = "_cryptography_rsa"

    assert waits(hung_in(tmp_path, interpreter_runner, signer))
    assert not waits(hung_in(tmp_path, interpreter_runner, signer, "verify"))
    assert not waits(hung_in(tmp_path, interpreter_runner, "another"))


def test_hang_is_tried_again_a_few_times(
    tmp_path: Path, interpreter_runner: InterpreterRunner
) -> None:
    """What ends is taken at once; what hangs so each time is a hang."""
    hung = hung_in(tmp_path, interpreter_runner, "_cryptography_rsa")
    ended = interpreter_runner.run(Command(Path(__file__), deadline=60, cwd=tmp_path))

    def last_of(runs: Iterator[Run]) -> tuple[Run, int]:
        return tried(lambda: next(runs), lambda run: run), len(list(runs))

    assert (ended, 1) == last_of(iter([ended, hung]))
    assert (ended, 1) == last_of(iter([hung, ended, hung]))
    assert (hung, 1) == last_of(iter([hung] * (TRIES + 1)))
