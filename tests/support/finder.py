"""What the tests of the check for shared clients have in common: the command, a finding."""

import os
import subprocess
import sys
from pathlib import Path

from recipes.safeguards.find_shared_clients.checks import check, read
from recipes.safeguards.find_shared_clients.files import python_files
from recipes.safeguards.find_shared_clients.findings import BOOK
from recipes.safeguards.find_shared_clients.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recipes/safeguards/find_shared_clients"
PAGE = ROOT / "docs/safeguards/find-shared-clients.md"

SHARED = """\
import os

from google.cloud import iam_admin_v1

client = iam_admin_v1.IAMClient()


def background():
    if os.fork() == 0:
        os._exit(0)
"""
FINDING = (
    "shared.py:5:10: client-at-import: Create this IAMClient in the child: at import it is created "
    f"before the process forks. See shared.py:9. ({BOOK}processes/fork-directly.html)\n"
)


def run(
    folder: Path, *arguments: object, command: tuple[str, ...] = ("-m", FOLDER.name)
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def found_in(paths: list[Path]) -> list[tuple[str, int, int, str]]:
    modules, errors = read(python_files(paths, ()))
    assert [] == errors
    return [
        (each.place.path, each.place.line, each.place.column, each.rule)
        for each in check(modules, Settings())
        if not each.suppressed
    ]
