"""What the attacks on the safeguards share."""

import sys
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT
from tests.runner import Command, InterpreterRunner, Run
from tests.support.attack import DEADLINE, Attack


@pytest.fixture
def attack(
    request: pytest.FixtureRequest,
    local_iam: LocalIAM,
    interpreter_runner: InterpreterRunner,
    tmp_path: Path,
) -> Attack:
    """Run a program of the folder `programs` in a process of its own, for a bounded time."""

    def attack(
        name: str,
        *argv: str,
        start_method: str | None = None,
        deadline: float = DEADLINE,
        **variables: str,
    ) -> Run:
        command = Command(
            request.path.parent / "programs" / f"{name}.py",
            argv,
            deadline=deadline,
            start_method=start_method,
            environment={
                **local_iam.environment,
                "ACCOUNT": local_iam.service_accounts[0],
                "PYTHONPATH": str(ROOT),
                "PYTHONWARNINGS": "ignore",
                **variables,
            },
            cwd=tmp_path,
        )
        run = interpreter_runner.run(command)
        sys.stderr.write(run.stderr)  # pytest shows it where the test fails
        return run

    return attack
