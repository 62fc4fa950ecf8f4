"""Interpreters with chosen releases, installed by uv below .environments/.

An environment is built once and kept: its name is that of its releases and of what the recipes
need beside them. It is built beside its place and moved there when it is complete.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.version import Version

from tests.book import BOOK, ROOT
from tests.evidence.record.environment import Environment, Wanted
from tests.evidence.record.not_installed import NotInstalled

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

FOLDER = ROOT / ".environments"
UV = Path(sys.executable).with_name("uv")
PKG_RESOURCES = "setuptools<81"
"""Was in every environment once; google-cloud-iam imports it up to 2.9."""
NO_SOLUTION = 1
"""What uv exits with where releases do not go together; other failures have other codes."""
METADATA = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.MULTILINE)
DESCRIBE = """\
import json, platform
from importlib.metadata import version
names = ("grpcio", "google-cloud-iam")
print(json.dumps([platform.python_version(), *map(version, names)]))
"""

Completed: TypeAlias = "subprocess.CompletedProcess[str]"


class UvError(Exception):
    """An environment could not be made, which says nothing of the releases."""


@dataclass(frozen=True)
class Interpreter:
    """A Python at `path` with these releases."""

    path: Path
    python: str
    grpcio: str
    google_cloud_iam: str

    def environment(self, start_method: str, fork_support: str) -> Environment:
        """Describe a run with these two settings."""
        here = Environment.here(start_method, fork_support)
        return Environment(
            **{**asdict(here), **{k: v for k, v in asdict(self).items() if k != "path"}}
        )


def here() -> Interpreter:
    """Return the interpreter that runs this."""
    here = Environment.here("fork")
    return Interpreter(Path(sys.executable), here.python, here.grpcio, here.google_cloud_iam)


def folder_of(wanted: Wanted, below: Path = FOLDER) -> Path:
    """Return where releases are installed: elsewhere if other packages are needed beside them."""
    python = re.sub("[^0-9.]+", "-", wanted.python).strip("-")
    others = hashlib.sha256(" ".join(sorted(beside())).encode()).hexdigest()[:8]
    return below / "-".join((f"python-{python}", *wanted.requirements, others)).replace("==", "-")


def run_uv(*arguments: str) -> Completed:
    """Run uv to its end."""
    return subprocess.run([UV, *arguments], capture_output=True, text=True, check=False)


def build(
    wanted: Wanted, below: Path = FOLDER, uv: Callable[..., Completed] = run_uv
) -> Interpreter | NotInstalled:
    """Make an environment below a folder where there is none; say why where it cannot be.

    Raises UvError where there is no such Python, or where no index of packages answers.
    """
    folder = folder_of(wanted, below)
    if not folder.exists():
        building = folder.with_name(f"{folder.name}.{os.getpid()}.building")
        made = uv("venv", "--quiet", "--python", _python(wanted.python), str(building))
        if made.returncode:
            raise UvError(f"no Python {wanted.python}: {reason_of(made.stderr)}")
        installed = uv(
            *("pip", "install", "--quiet", "--python", str(building / "bin" / "python")),
            *("--compile-bytecode", "--only-binary", "grpcio"),
            *(*wanted.requirements, *sorted(beside())),
        )
        if installed.returncode:
            shutil.rmtree(building)
            if installed.returncode != NO_SOLUTION:
                raise UvError(f"{folder.name}: {reason_of(installed.stderr)}")
            return NotInstalled.of(wanted, reason_of(installed.stderr))
        try:
            building.rename(folder)
        except OSError:  # another process has made it meanwhile
            shutil.rmtree(building)
    path = folder / "bin" / "python"
    found = json.loads(subprocess.check_output([path, "-c", DESCRIBE], text=True))
    return Interpreter(path, *found)


def beside() -> set[str]:
    """Return what the recipes, the runner, and old releases without saying so, need beside it."""
    needed = {"psutil", PKG_RESOURCES}
    for file in BOOK.files():
        found = METADATA.search(BOOK.path(file).read_text("utf-8"))
        if found is not None:
            lines = "".join(f"{line[2:]}\n" for line in found[1].splitlines())
            needed |= {*tomllib.loads(lines)["dependencies"]}
    return {
        each for each in needed if Requirement(each).name not in ("google-cloud-iam", "google-auth")
    }


def _python(request: str) -> str:
    """Return an interpreter of a version manager where it has one, otherwise what uv is to find."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = {platform.python_version(): Path(sys.executable)}
    found |= {path.parts[-3]: path for path in versions.glob("3.*/bin/python")}
    fitting = [each for each in found if each == request or each.startswith(f"{request}.")]
    return str(found[max(fitting, key=Version)]) if fitting else request


def reason_of(stderr: str) -> str:
    """Return uv's reason in one line, without its drawing."""
    text = " ".join(re.sub("[│×╰─▶]", " ", stderr).split())  # noqa: RUF001
    return text.partition(" hint: ")[0] or "uv did not say why"
