"""A fixture that runs suites with the plugin."""

import shutil
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT
from tests.runner import Command, InterpreterRunner, Run
from tests.safeguards.pytest_fork_safety.reports import PLUGIN, SUITES, Suite
from tests.support.attack import DEADLINE

OPTIONS = ("-p", "no:cacheprovider", "-W", "ignore", "-rA", "--color=no")


@pytest.fixture
def suite(local_iam: LocalIAM, interpreter_runner: InterpreterRunner, tmp_path: Path) -> Suite:
    """Run a suite with the plugin, in a process of its own, for a bounded time."""

    def run(name: str, *arguments: str, **variables: str) -> Run:
        shutil.copy(SUITES / f"{name}.py", tmp_path / "test_suite.py")
        command = Command(
            PLUGIN,
            [*OPTIONS, *arguments],
            deadline=DEADLINE,
            environment={
                **local_iam.environment,
                "ACCOUNT": local_iam.service_accounts[0],
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "200",
                **variables,
            },
            cwd=tmp_path,
        )
        return interpreter_runner.run(command)

    return run
