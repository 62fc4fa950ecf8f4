"""Which modules of a folder import which, read from the code and not run."""

import ast
from collections.abc import Iterator
from pathlib import Path

Imports = dict[str, set[str]]


def imports(folder: Path, root: Path) -> Imports:
    """Return for each module below a folder the modules below it that it imports.

    All imports count: those of a function and those for type checkers alone are arrows, too. A
    package counts where something is imported that its `__init__.py` itself has.
    """
    files = {name_of(path, root): path for path in sorted(folder.rglob("*.py"))}
    return {
        name: {
            imported
            for wanted, base in named(path, name)
            if (imported := wanted if wanted in files else base) in files and imported != name
        }
        for name, path in files.items()
    }


def name_of(path: Path, root: Path) -> str:
    """Return the dotted name of a module; a package is named by its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield each name that a file imports, and the module that has it unless it is one itself."""
    package = (name if path.stem == "__init__" else name.rpartition(".")[0]).split(".")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{base}.{alias.name}", base) for alias in node.names)
