"""Environments: interpreters with chosen releases, installed by uv below .venv/environments/."""

import csv
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.version import Version

from tests.evidence.trials import RECORDS, ROOT, Environment, recipe_files, recipe_path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

FOLDER = ROOT / ".venv" / "environments"
NOT_INSTALLED = "not_installed.csv"
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


class UvError(Exception):
    """An environment could not be made, which says nothing of the releases."""


class Wanted(NamedTuple):
    """Releases to install; None for the newest that the others admit."""

    python: str
    grpcio: str | None = None
    google_cloud_iam: str | None = None

    @property
    def requirements(self) -> list[str]:
        """Say it in pip's words."""
        named = {"grpcio": self.grpcio, "google-cloud-iam": self.google_cloud_iam}
        return [f"{name}=={it}" if it else name for name, it in named.items()]

    @property
    def folder(self) -> Path:
        """Where it is installed: elsewhere if other packages are needed beside it."""
        python = re.sub("[^0-9.]+", "-", self.python).strip("-")
        others = hashlib.sha256(" ".join(sorted(beside())).encode()).hexdigest()[:8]
        return FOLDER / "-".join((f"python-{python}", *self.requirements, others)).replace(
            "==", "-"
        )


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


@dataclass(frozen=True)
class NotInstalled:
    """Releases that could not be installed together, and why."""

    python: str
    grpcio: str
    google_cloud_iam: str
    reason: str
    date: str


def here() -> Interpreter:
    """Return the interpreter that runs this."""
    it = Environment.here("fork")
    return Interpreter(Path(sys.executable), it.python, it.grpcio, it.google_cloud_iam)


def build(wanted: Wanted) -> Interpreter | NotInstalled:
    """Make an environment where there is none; say why where it cannot be.

    Raises UvError where there is no such Python, or where no index of packages answers.
    """
    folder = wanted.folder
    if not folder.exists():
        building = folder.with_name(f"{folder.name}.{os.getpid()}.building")
        made = _uv("venv", "--quiet", "--python", _python(wanted.python), str(building))
        if made.returncode:
            raise UvError(f"no Python {wanted.python}: {reason_of(made.stderr)}")
        installed = _uv(
            *("pip", "install", "--quiet", "--python", str(building / "bin" / "python")),
            *("--compile-bytecode", "--only-binary", "grpcio"),
            *(*wanted.requirements, *sorted(beside())),
        )
        if installed.returncode:
            shutil.rmtree(building)
            if installed.returncode != NO_SOLUTION:
                raise UvError(f"{folder.name}: {reason_of(installed.stderr)}")
            return NotInstalled(*named(wanted), reason_of(installed.stderr), today())
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
    for file in recipe_files():
        found = METADATA.search(recipe_path(file).read_text("utf-8"))
        if found is not None:
            lines = "".join(f"{line[2:]}\n" for line in found[1].splitlines())
            needed |= {*tomllib.loads(lines)["dependencies"]}
    return {it for it in needed if Requirement(it).name not in ("google-cloud-iam", "google-auth")}


def _python(request: str) -> str:
    """Return an interpreter of a version manager where it has one, otherwise what uv is to find."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = {platform.python_version(): Path(sys.executable)}
    found |= {path.parts[-3]: path for path in versions.glob("3.*/bin/python")}
    fitting = [it for it in found if it == request or it.startswith(f"{request}.")]
    return str(found[max(fitting, key=Version)]) if fitting else request


def _uv(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([UV, *arguments], capture_output=True, text=True, check=False)


def reason_of(stderr: str) -> str:
    """Return uv's reason in one line, without its drawing."""
    text = " ".join(re.sub("[│×╰─▶]", " ", stderr).split())  # noqa: RUF001
    return text.partition(" hint: ")[0] or "uv did not say why"


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def named(wanted: Wanted) -> tuple[str, str, str]:
    """Return each release, and `newest` where any would do."""
    return wanted.python, wanted.grpcio or "newest", wanted.google_cloud_iam or "newest"


def refused(records: Path = RECORDS) -> list[NotInstalled]:
    """Return what could not be installed."""
    record = records / NOT_INSTALLED
    if not record.exists():
        return []
    with record.open(encoding="utf-8", newline="") as lines:
        return [NotInstalled(**row) for row in csv.DictReader(lines)]


def keep(wanted: Wanted, built: Interpreter | NotInstalled, records: Path = RECORDS) -> None:
    """Store that releases could not be installed, or forget it where they now can be."""
    stored = refused(records)
    rows = {(it.python, it.grpcio, it.google_cloud_iam): it for it in stored}
    rows.pop(named(wanted), None)
    if isinstance(built, NotInstalled):
        rows[named(wanted)] = built
    if [*rows.values()] != stored:
        records.mkdir(parents=True, exist_ok=True)
        with (records / NOT_INSTALLED).open("w", encoding="utf-8", newline="") as lines:
            table = csv.writer(lines, lineterminator="\n")
            table.writerow(field.name for field in fields(NotInstalled))
            table.writerows(map(astuple, rows.values()))


def merge_refused(folder: Path, records: Path = RECORDS) -> None:
    """Add what could not be installed elsewhere."""
    for those in refused(folder):
        releases = (those.python, those.grpcio, those.google_cloud_iam)
        python, *others = (None if it == "newest" else it for it in releases)
        keep(Wanted(python or "newest", *others), those, records)
