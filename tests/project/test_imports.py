"""Arrows between modules point one way: no circle, and no folder imports one that is above it."""

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.project.imports import Imports, imports, name_of, named

ROOT = Path(__file__).parents[2]
LOCAL_IAM = "recipes/testing/local_iam"
FINDER = "recipes/safeguards/find_shared_clients"
FOLDERS = [(LOCAL_IAM, ""), (FINDER, ""), ("tests", ""), ("docs/_ext", "docs")]
"""Folders, each with the folder on the path that its modules are imported from."""
LAYERS = [(LOCAL_IAM, ["process", "doors", "policies", "api"])]
"""Folders with what is in them, from top to bottom: each may import what comes after it."""


def circle(graph: Imports) -> list[str]:
    """Return modules that import each other in a circle, the first once more at the end."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def upward(graph: Imports, prefix: str, layers: list[str]) -> list[tuple[str, str]]:
    """Return the imports of a module of one layer that name a module of a layer above."""

    def height(name: str) -> int | None:
        first = name.removeprefix(f"{prefix}.").partition(".")[0]
        return layers.index(first) if first in layers else None

    return [
        (name, imported)
        for name, found in graph.items()
        for imported in found
        if (mine := height(name)) is not None
        and (other := height(imported)) is not None
        and other < mine
    ]


@pytest.mark.parametrize(("folder", "path"), FOLDERS, ids=[folder for folder, _ in FOLDERS])
def test_no_modules_import_each_other_in_a_circle(folder: str, path: str) -> None:
    """The modules of a folder can be put in an order in which each imports only earlier ones."""
    graph = imports(ROOT / folder, ROOT / path)

    assert any(graph.values())
    assert [] == circle(graph)


@pytest.mark.parametrize(("folder", "layers"), LAYERS, ids=[folder for folder, _ in LAYERS])
def test_folders_import_downwards(folder: str, layers: list[str]) -> None:
    """A folder imports itself and those below it alone, and every folder has its place."""
    graph = imports(ROOT / folder, ROOT)

    assert sorted(layers) == sorted(
        path.parent.name for path in (ROOT / folder).glob("*/*.py") if path.stem == "__init__"
    )
    assert [] == upward(graph, folder.replace("/", "."), layers)


NEVER = [
    ("docs/_ext", ("tests.evidence.measure", "tests.evidence.fork_matrix.measure", "tests.runner")),
    ("tests/evidence/record", ("tests.evidence.measure", "tests.runner", "_ext")),
    ("tests/evidence/jobs", ("tests.evidence.measure", "tests.evidence.record", "tests.runner")),
    ("tests/runner", ("tests.evidence", "tests.blocks", "recipes")),
    ("recipes", ("tests", "_ext", "docs")),
]
"""Folders, and what no module there imports but its tests."""


@pytest.mark.parametrize(("folder", "others"), NEVER, ids=[folder for folder, _ in NEVER])
def test_arrow_points_one_way(folder: str, others: tuple[str, ...]) -> None:
    """What is below knows nothing of what is above it."""
    modules = [path for path in sorted((ROOT / folder).rglob("*.py")) if "test_" not in path.stem]
    found = [
        (path.relative_to(ROOT).as_posix(), wanted)
        for path in modules
        for wanted, _ in named(path, name_of(path, ROOT))
        if any(wanted == other or wanted.startswith(f"{other}.") for other in others)
    ]

    assert modules
    assert [] == found


def test_declaration_of_the_book_is_a_leaf() -> None:
    """Every module may import it, and it imports none."""
    book = ROOT / "tests/book.py"
    imported = {wanted.partition(".")[0] for wanted, _ in named(book, "tests.book")}

    assert imported <= {*sys.stdlib_module_names}


@pytest.mark.parametrize(
    "line",
    [
        "from . import above",
        "from .above import name",
        "import package.above",
        "from package.above import name",
        "def late():\n    from . import above",
    ],
)
def test_circle_is_found(tmp_path: Path, line: str) -> None:
    """However a module is imported, a circle through it is found and named."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "above.py").write_text("from .below import name")
    (package / "below.py").write_text(line)

    found = circle(imports(package, tmp_path))
    assert {"package.above", "package.below"} == set(found)
    assert found[0] == found[-1]


def test_upward_import_is_found(tmp_path: Path) -> None:
    """An import of a folder above, from one level deeper, is found and named."""
    for folder in ("", "high", "low"):
        (tmp_path / "package" / folder).mkdir()
        (tmp_path / "package" / folder / "__init__.py").touch()
    (tmp_path / "package/high/module.py").touch()
    (tmp_path / "package/low/module.py").write_text("from ..high import module")

    graph = imports(tmp_path / "package", tmp_path)
    arrow = ("package.low.module", "package.high.module")
    assert arrow in upward(graph, "package", ["high", "low"])
    assert [] == upward(graph, "package", ["low", "high"])
