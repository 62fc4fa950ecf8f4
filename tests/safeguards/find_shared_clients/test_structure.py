"""How the check for shared clients is built: a file a rule, and modules in one direction."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from recipes.safeguards.find_shared_clients.rules import FILES, RULES
from tests.support.finder import FOLDER

NEW_RULE = '''\
"""A rule that finds each program that ends by itself."""

import ast

from ..findings import Finding, Rule
from ..source.module import Spot


def check(facts):
    for scope, call in facts.code.calls():
        if ast.unparse(call) == "os._exit(0)":
            yield Finding(Spot(scope.module, call), "Do not end.")


RULE = Rule("exit", "ends", "nothing", "safeguards/find-shared-clients", check)
'''


def imported(path: Path) -> Iterator[Path]:
    """Yield the files of the folder that a file imports; all such imports are relative."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for each in (base, *(base / alias.name for alias in node.names)):
                found = (each.with_suffix(".py"), each / "__init__.py")
                yield from (file for file in found if file.is_file())


def test_imports_have_one_direction() -> None:
    """No module imports one that imports it, directly or by others."""
    graph = {file: {*imported(file)} for file in FOLDER.rglob("*.py")}
    graph[FOLDER / "rules/__init__.py"].update(FOLDER / f"rules/{file}.py" for file in FILES)

    assert {*graph} == {*TopologicalSorter(graph).static_order()}


def test_each_rule_is_a_file() -> None:
    """The list of rules names every file of their folder, and a file has the name of its rule."""
    files = {path.stem for path in (FOLDER / "rules").glob("*.py")} - {"__init__"}

    assert files == {*FILES}
    assert [*RULES] == [file.replace("_", "-") for file in FILES]


def test_new_rule_is_a_file_and_its_name(shared: Path) -> None:
    """A file among the rules and its name in their list make a rule that can be selected."""
    copy = shared / FOLDER.name
    shutil.copytree(FOLDER, copy)
    (copy / "rules/exit.py").write_text(NEW_RULE)
    rules = copy / "rules/__init__.py"
    rules.write_text(rules.read_text().replace("FILES = (", 'FILES = (\n    "exit",'))
    done = subprocess.run(
        [sys.executable, "-m", FOLDER.name, "--select", "exit", "shared.py"],
        cwd=shared,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.startswith("shared.py:10:9: exit: Do not end. ("), done.stderr
    assert 1 == done.returncode
