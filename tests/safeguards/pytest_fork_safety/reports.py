"""Suites for trials of the plugin, and how their tests ended."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.book import ROOT
from tests.runner import Run

PLUGIN = ROOT / "recipes" / "safeguards" / "pytest_fork_safety.py"
PAGE = (
    "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/pytest-fork-safety.html"
)
CALLS = Path(__file__).with_name("calls.py")
SUITES = Path(__file__).with_name("suites")
MODES = ((), ("-n", "2", "--dist", "loadfile"))
"""Arguments for one process and for several; the tests of a suite share one local IAM."""

Suite = Callable[..., Run]
"""`suite(name, *arguments, **variables)` runs a suite as test_suite.py of an empty folder."""


def count_of_tests(name: str) -> int:
    """Count the functions of a suite that are tests."""
    return (SUITES / f"{name}.py").read_text("utf-8").count("def test_")


def reported(run: Run) -> dict[str, str]:
    """Return how each test of a suite ended; what failed last counts."""
    assert "hang" != str(run.outcome), run.stderr
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_suite\.py::(\S+)", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return {name: word for word, name in sorted(found, reverse=True)}


def place(file: Path, line: str, function: str) -> str:
    """Return how a message shows a line of a file, which is given without its indentation."""
    lines = [each.strip() for each in file.read_text("utf-8").splitlines()]
    return f"  {file}:{lines.index(line) + 1} in {function}"
