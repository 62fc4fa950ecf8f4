"""How the check for shared clients is started: as a copy, by `uv`, as a pre-commit hook."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.finder import FINDING, FOLDER

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]


@pytest.mark.parametrize(
    "command",
    [("find_shared_clients/__main__.py",), ("find_shared_clients",), ("-m", "find_shared_clients")],
    ids=" ".join,
)
def test_copied_folder_runs(shared: Path, command: tuple[str, ...]) -> None:
    """A copy of the folder runs by its file, its name and as a module, without the project."""
    shutil.copytree(FOLDER, shared / FOLDER.name)
    done = subprocess.run(
        [sys.executable, *command, "shared.py"],
        cwd=shared,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (FINDING, 1) == (done.stdout, done.returncode), done.stderr


def test_inline_metadata_names_what_it_imports() -> None:
    """`uv run` installs what the files import beside the standard library."""
    metadata = re.search(
        r"# /// script\n(.*?)# ///", (FOLDER / "__main__.py").read_text(), re.DOTALL
    )
    assert metadata
    wanted = tomllib.loads(metadata[1].replace("# ", ""))
    names = {re.split(r"[><=;]", each)[0] for each in wanted["dependencies"]}
    text = "\n".join(path.read_text("utf-8") for path in FOLDER.rglob("*.py"))
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE))

    in_python = {*sys.stdlib_module_names, "tomllib", "__future__"}  # tomllib from 3.11 on
    assert names == imported - in_python
