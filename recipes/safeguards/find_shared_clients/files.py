"""Which files are checked.

Environments, caches and what is built are left out by name, since a look at them is slow and their
findings are nobody's to change. What is given by name is always checked.
"""

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

EXCLUDED = (
    ".*", "__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "venv"
)  # fmt: skip
"""Names of folders that are left out unless they are given themselves."""


def python_files(paths: Iterable[Path], excluded: Iterable[str]) -> Iterator[Path]:
    """Yield each Python file below the paths once, in the order of their names.

    A pattern excludes a name, or a path from the current folder; a file that is given by name is
    checked all the same.
    """
    patterns = tuple(each.rstrip("/").removeprefix("./") for each in excluded)
    seen: set[Path] = set()
    for path in paths:
        for file in [path] if path.is_file() else walk(path, patterns):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def walk(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(each for each in folders if not is_excluded(here / each, patterns))
        for name in sorted(files):
            if name.endswith((".py", ".pyw")) and not is_excluded(here / name, patterns):
                yield here / name


def is_excluded(path: Path, patterns: tuple[str, ...]) -> bool:
    if any(fnmatch(path.name, each) for each in (*EXCLUDED, *patterns)):
        return True
    return bool(patterns) and any(fnmatch(shown(path), each) for each in patterns)


def shown(path: Path) -> str:
    """Return a path from the current folder where it lies below it, with forward slashes."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
