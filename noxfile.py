#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["nox>=2025.2"]
# ///
"""Every job of the cookbook by name: `python3 noxfile.py [NAME] [-- ARGUMENTS]`.

Without a name it cooks: runs every block, recipe and broken twin, and builds the site.
A bare `python3` is enough: the jobs run in `.venv`, which is made from `requirements.txt`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "requirements.sha256"


def stop(message: str) -> None:
    """End with one line that says what to do next."""
    sys.exit("noxfile.py: " + message)


def run(*command: object, **variables: str) -> int:
    """Run a command from the root of the checkout; return its exit code."""
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment.update(variables)
    return subprocess.call([str(part) for part in command], cwd=ROOT, env=environment)


def fingerprint(requirements: Path) -> str:
    """Name the environment that this interpreter makes of these requirements."""
    version = ".".join(map(str, sys.version_info[:3]))
    return hashlib.sha256(version.encode() + requirements.read_bytes()).hexdigest()


def make_environment(requirements: Path = ROOT / "requirements.txt") -> None:
    """Make `.venv` with uv where it is on the path, otherwise with venv and pip."""
    if sys.version_info < (3, 10):
        stop("Python 3.10 or newer is needed; start it with one, e.g. python3.13 noxfile.py")
    uv = shutil.which("uv")
    print(f"making .venv with {'uv' if uv else 'venv and pip'}; the first time takes a minute", flush=True)
    if uv:
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV]
        install = [uv, "pip", "install", "--python", PYTHON, "--require-hashes", "-r", requirements]
    else:
        make = [sys.executable, "-m", "venv", "--clear", VENV]
        install = [PYTHON, "-m", "pip", "install", "--progress-bar=on", "--require-hashes"]
        install += ["--disable-pip-version-check", "--quiet", "-r", requirements]
    if run(*make):
        stop("no virtual environment: install python3-venv (Debian, Ubuntu) or uv, then run this again")
    if run(*install):
        stop("not installed: see the lines above; PyPI must be reachable, then run this again")
    STAMP.write_text(fingerprint(requirements))


def enter_environment() -> None:
    """Continue in `.venv`, made or renewed when the interpreter or the requirements changed.

    Inside `.venv` already (sys.prefix), there is nothing to do: the interpreter that asked for
    it has renewed it a moment ago.
    """
    if Path(sys.prefix) == VENV:
        return
    wanted = fingerprint(ROOT / "requirements.txt") if sys.version_info >= (3, 10) else ""
    if not (STAMP.exists() and PYTHON.exists() and STAMP.read_text() == wanted):
        make_environment()
    os.execv(PYTHON, [str(PYTHON), str(Path(__file__).resolve()), *sys.argv[1:]])


if __name__ == "__main__":
    enter_environment()

import nox  # noqa: E402 - after enter_environment(): before it there may be no nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["cook_all"]
