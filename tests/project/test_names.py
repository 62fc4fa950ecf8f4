"""How the modules are written, where a linter has no rule for it."""

import ast
from collections.abc import Iterator

from tests.book import ROOT

PROBE = ROOT / "tests/evidence/fork_matrix/probe.py"
"""Another name in it would make it another program, without trials."""
MODULES = sorted(
    path
    for folder in ("recipes", "tests", "docs")
    for path in (ROOT / folder).rglob("*.py")
    if "site-packages" not in path.parts
)


def variables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name that is bound, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def patches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each place that replaces what a module or class holds, or imports a mock."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call) and ast.unparse(node.func).endswith("monkeypatch.setattr")
        ) or (isinstance(node, ast.ImportFrom) and node.module in ("unittest.mock", "unittest")):
            yield node.lineno, ast.unparse(node)


def test_there_are_modules() -> None:
    """The tests below are tests of something."""
    assert len(MODULES) > 100


def test_module_says_what_its_variables_are() -> None:
    """None is called `it`."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        for line, name in variables(ast.parse(path.read_text("utf-8")))
        if name == "it" and path != PROBE
    ]

    assert [] == found


def test_nothing_is_patched() -> None:
    """What a function reads is handed to it: no test replaces a part of a module."""
    found = [
        (f"{path.relative_to(ROOT)}:{line}", text)
        for path in MODULES
        for line, text in patches(ast.parse(path.read_text("utf-8")))
    ]

    assert [] == found
