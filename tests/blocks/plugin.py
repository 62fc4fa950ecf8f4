"""Options and fixtures of the check of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.book import ROOT
from tests.runner import ForkRunner, InterpreterRunner, Runner


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pages")
    group.addoption(
        "--page",
        action="append",
        type=Path,
        metavar="PATH",
        help="check the blocks of this page alone; may be given several times",
    )
    group.addoption(
        "--new-interpreter",
        action="store_true",
        help="run each block and recipe in a new interpreter: slower, with the same outcomes",
    )


def pytest_configure(config: pytest.Config) -> None:
    parallel = config.getoption("numprocesses", None) or hasattr(config, "workerinput")
    if config.getoption("update_examples") and parallel:
        raise pytest.UsageError("--update-examples writes pages: run it without -n (or with -n 0)")
    for path in config.getoption("page") or []:
        if not path.is_file():
            raise pytest.UsageError(f"--page {path}: there is no such page")


@pytest.fixture(scope="session")
def block_runner(pytestconfig: pytest.Config) -> Iterator[Runner]:
    """Run blocks as a reader would who has the folder `recipes` at hand."""
    kind = InterpreterRunner if pytestconfig.getoption("new_interpreter") else ForkRunner
    with kind(environment={"PYTHONPATH": str(ROOT)}) as runner:
        yield runner
