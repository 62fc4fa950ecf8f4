"""How the check for shared clients is started: as a copy, by `uv`, as a pre-commit hook."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from tests.support.finder import FINDING, FOLDER, ROOT

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

    assert names == imported - {*sys.stdlib_module_names} - {"__future__"}


def test_hook_starts_what_is_installed() -> None:
    """The hook's command is the one that the project installs, with the same requirements."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    module, _, function = project["project"]["scripts"][hook["entry"]].partition(":")
    folder = project["tool"]["setuptools"]["package-dir"][module.partition(".")[0]]
    metadata = (FOLDER / "__main__.py").read_text("utf-8")

    assert folder == FOLDER.relative_to(ROOT).as_posix()
    assert callable(
        getattr(import_module(f"{folder.replace('/', '.')}.{module.partition('.')[2]}"), function)
    )
    assert all(f'"{each}"' in metadata for each in project["project"]["dependencies"])
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
