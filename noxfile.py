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
TOOLS = VENV / "bin"
PYTHON = TOOLS / "python"
STAMP = VENV / "requirements.sha256"


def stop(message: str) -> None:
    """End with one line that says what to do next."""
    sys.exit("noxfile.py: " + message)


def run(*command: object) -> int:
    """Run a command from the root of the checkout; return its exit code."""
    return subprocess.call([str(part) for part in command], cwd=ROOT)


def search_path() -> str:
    """Put the tools of `.venv` first."""
    return os.pathsep.join([str(TOOLS), os.environ["PATH"]])


def fingerprint(requirements: Path) -> str:
    """Name the environment that this interpreter makes of these requirements."""
    version = ".".join(map(str, sys.version_info[:3]))
    return hashlib.sha256(version.encode() + requirements.read_bytes()).hexdigest()


def count_along(*command: object) -> int:
    """Run pip, with a count of the packages in place of its many lines; return its exit code."""
    packages = 0
    with subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                packages += line.startswith(("Collecting", "Processing"))
                print(f"  {packages} packages  ", end="\r", flush=True)
        except BaseException:
            process.kill()
            raise
    print()
    return process.returncode


def make_environment() -> None:
    """Make `.venv` anew; where that fails, the old one is there again."""
    if sys.version_info < (3, 10):  # noqa: UP036 - for whoever starts this with an older one
        stop("Python 3.10 or newer is needed; start it with one, e.g. python3.13 noxfile.py")
    old = VENV.with_suffix(".old")
    if VENV.exists():
        shutil.rmtree(old, ignore_errors=True)
        VENV.rename(old)
    try:
        fill_environment(ROOT / "requirements.txt")
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)
        if old.exists():
            old.rename(VENV)
        raise
    shutil.rmtree(old, ignore_errors=True)


def fill_environment(requirements: Path) -> None:
    """Install the requirements with uv where it is on the path, otherwise with venv and pip."""
    uv = shutil.which("uv")
    print(f"making .venv with {'uv' if uv else 'venv and pip; it takes a minute'}", flush=True)
    if uv:
        made = run(uv, "venv", "--quiet", "--python", sys.executable, VENV)
    else:
        made = run(sys.executable, "-m", "venv", VENV)
    if made:
        stop("no virtual environment: install python3-venv (Debian) or uv, then run this again")
    wanted = ("--require-hashes", "-r", requirements)
    if uv:
        installed = run(uv, "pip", "install", "--python", PYTHON, *wanted)
    else:
        pip = (PYTHON, "-m", "pip", "--disable-pip-version-check")
        installed = count_along(*pip, "install", *wanted)
    if installed:
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
    os.execv(PYTHON, [str(PYTHON), str(Path(__file__).resolve()), *sys.argv[1:]])  # noqa: S606


def arguments(given: list[str]) -> list[str]:
    """Turn `NAME -- ARGUMENTS` into what nox understands; options of nox pass as they are."""
    if given and not given[0].startswith("-"):
        return ["--session", *given]
    return given


if __name__ == "__main__":
    enter_environment()

import nox  # noqa: E402 - there may be no nox before enter_environment()

nox.options.default_venv_backend = "none"
nox.options.sessions = ["cookbook"]

SITE = ROOT / "site"
REPORT = VENV / "report.xml"
PYTEST = (PYTHON, "-m", "pytest")
PARALLEL = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal")  # some wait for a hang
DOCTREES = VENV / "doctrees"
SPHINX = (PYTHON, "-m", "sphinx", "-c", ".", "-n", "-W", "--keep-going", "-j", "auto")
CHECKED = ("recipes", "tests", "noxfile.py", "conf.py")


def must(session: nox.Session, *command: object) -> None:
    """Run a command of this session; its failure ends the session with its exit code."""
    if not PYTHON.exists():
        make_environment()
    session.run(*map(str, command), external=True, env={"PATH": search_path()})


def build_site(session: nox.Session) -> None:
    must(session, *SPHINX, "--quiet", "-d", DOCTREES, "docs", SITE)


def tests_of_page(page: str) -> list[str]:
    """Choose the check of one page's blocks, and the tests of its recipe where it has one."""
    path = Path(page).resolve()
    if not (path.is_file() and path.is_relative_to(ROOT / "docs")):
        stop(f"{page} is no page: name one under docs/, such as docs/threads/share-one-client.md")
    mirrored = Path(path.relative_to(ROOT / "docs").with_suffix(".py").as_posix().replace("-", "_"))
    of_recipe = Path("tests", mirrored.parent, f"test_{mirrored.name}")
    chosen = ["tests/blocks/test_pages.py", f"--page={path.relative_to(ROOT)}"]
    return [*chosen, str(of_recipe)] if (ROOT / of_recipe).exists() else chosen


@nox.session
def cookbook(session: nox.Session) -> None:
    """Run every block, recipe and broken twin, build the site, and say how it went."""
    chapters = [
        path for path in sorted(Path("tests").iterdir()) if (Path("recipes") / path.name).is_dir()
    ]
    of_recipes = [path for path in chapters if path.name != "testing"]
    chosen = ("tests/blocks/test_pages.py", *of_recipes)
    failed = run(*PYTEST, *PARALLEL, *chosen, f"--junit-xml={REPORT}")
    build_site(session)
    must(session, PYTHON, "-m", "tests.report", REPORT, SITE)
    if failed:
        session.error("something did not do what its page says: see the failures above")


@nox.session
def tests(session: nox.Session) -> None:
    """Pass the tests; `-- docs/threads/share-one-client.md` checks one page alone."""
    chosen: list[str] = []
    for argument in session.posargs:
        chosen += tests_of_page(argument) if argument.endswith(".md") else [argument]
    parallel = () if "--update-examples" in chosen else PARALLEL
    must(session, *PYTEST, *parallel, *chosen)


@nox.session
def cook(session: nox.Session) -> None:
    """Run one recipe against the local IAM: `-- threads/share_one_client`."""
    must(session, PYTHON, "-m", "tests.evidence.measure.cook", *session.posargs)


@nox.session
def evidence(session: nox.Session) -> None:
    """Run recipes and broken twins N trials each, and store what they did; `-- --help`."""
    must(session, PYTHON, "-m", "tests.evidence.measure.command", *session.posargs)


@nox.session
def merge(session: nox.Session) -> None:
    """Add the trials that shards made elsewhere to the record: `-- FOLDER...`."""
    must(session, PYTHON, "-m", "tests.evidence.measure.merge", *session.posargs)


@nox.session
def serve(session: nox.Session) -> None:
    """Serve the site on loopback, built anew at each change."""
    watched = [f"--watch={folder}" for folder in ("recipes", "tests/evidence", "conf.py")]
    must(
        session,
        PYTHON,
        "-m",
        "sphinx_autobuild",
        "-c",
        ".",
        "-d",
        DOCTREES,
        *watched,
        *session.posargs,
        "docs",
        SITE,
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speeds as ratios within one run; `-- NAME` runs one of tests/benchmarks/ alone."""
    folder = Path("tests", "benchmarks")
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "results")
    unknown = sorted({*session.posargs} - {*names})
    if unknown:
        session.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(names)}")
    for name in session.posargs or names:
        must(session, PYTHON, "-m", f"tests.benchmarks.{name}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, spelling and workflows."""
    must(session, TOOLS / "ruff", "check", ".")
    must(session, TOOLS / "ruff", "format", "--check", ".")
    must(session, TOOLS / "mypy", *CHECKED)
    must(session, TOOLS / "codespell")
    must(session, TOOLS / "sphinx-lint", "docs", "README.md", "CONTRIBUTING.md")
    must(session, TOOLS / "actionlint")
    must(session, TOOLS / "shellcheck", ".ci/run")


@nox.session
def requirements(session: nox.Session) -> None:
    """Compile requirements.txt anew from requirements.in, with the newest releases."""
    options = (
        "--universal",
        "--generate-hashes",
        "--python-version",
        "3.10",
        "--upgrade",
        "--quiet",
    )
    must(
        session,
        TOOLS / "uv",
        "pip",
        "compile",
        *options,
        "requirements.in",
        "-o",
        "requirements.txt",
    )


@nox.session
def compare(session: nox.Session) -> None:
    """Report each stored verdict that the trials of other releases contradict: `-- FOLDER...`."""
    must(session, PYTHON, "-m", "tests.evidence.measure.compare", *session.posargs)


if __name__ == "__main__":
    sys.argv[1:] = arguments(sys.argv[1:])
    nox.main()
