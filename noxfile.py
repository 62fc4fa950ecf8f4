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

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # where nox itself is started, it is not

import make_venv
from make_venv import PYTHON, ROOT, TOOLS, VENV, stop

if __name__ == "__main__":
    make_venv.enter(str(Path(__file__).resolve()), sys.argv[1:])

import nox

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # some thousand processes import the same files

nox.options.default_venv_backend = "none"
nox.options.sessions = ["cookbook"]

SITE = ROOT / "site"
REPORT = VENV / "report.xml"
PYTEST = (PYTHON, "-m", "pytest")
PROCESSORS = os.cpu_count() or 1
AT_ONCE = 6 * PROCESSORS
"""Tests at a time: most wait, and those that start processes are admitted by the processors."""
AT_ONCE_OF_A_PAGE = 2 * PROCESSORS
"""It has some fifteen tests: more workers take longer to start than they spare."""
DOCTREES = VENV / "doctrees"
BUILDERS = PROCESSORS + 1  # the first hands out the work
SPHINX = (PYTHON, "-m", "sphinx", "-c", ".", "-n", "-W", "--keep-going", "-j", BUILDERS)
CHECKED = ("recipes", "tests", "docs/_ext", "noxfile.py", "make_venv.py", "conf.py")
GITHUB_FILES = {
    "dependabot": ".github/dependabot.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/my-program-hangs.yml",
}
"""What GitHub reads beside the workflows, by the schema that check-jsonschema has of it."""


def run(*command: object) -> int:
    """Run a command from the root of the checkout; return its exit code."""
    return subprocess.call([str(part) for part in command], cwd=ROOT)


def search_path() -> str:
    """Put the tools of `.venv` first."""
    return os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)])


def must(session: nox.Session, *command: object) -> None:
    """Run a command of this session; its failure ends the session with its exit code."""
    if not PYTHON.exists():  # nox itself was started
        make_venv.ensure()
    session.run(*map(str, command), external=True, env={"PATH": search_path()})


def parallel(tests: int) -> tuple[str, ...]:
    """Return the options to run so many tests at a time."""
    return ("-n", str(tests), "--dist", "worksteal")


def build_site() -> subprocess.Popen[bytes]:
    """Start the build of the site."""
    command = [*SPHINX, "--quiet", "-d", DOCTREES, "docs", SITE]
    return subprocess.Popen(list(map(str, command)), cwd=ROOT)


def tests_of_page(page: str) -> list[str]:
    """Choose the check of one page's blocks, and the tests of each recipe that it has."""
    from tests.book import recipes_of

    path = Path(page).resolve()
    if not (path.is_file() and path.is_relative_to(ROOT / "docs")):
        stop(f"{page} is no page: name one under docs/, such as docs/threads/share-one-client.md")
    recipes = map(Path, recipes_of(path.relative_to(ROOT / "docs").as_posix()))
    tests = [f"tests/{recipe.parent}/test_{recipe.name}.py" for recipe in recipes]
    chosen = ["tests/blocks/test_pages.py", f"--page={path.relative_to(ROOT)}"]
    return [*chosen, *(test for test in tests if (ROOT / test).exists())]


@nox.session
def cookbook(session: nox.Session) -> None:
    """Run every block, recipe and broken twin, build the site, and say how it went."""
    chosen = ("tests/blocks/test_pages.py", *(f"tests/{name}" for name in of_recipes()))
    with build_site() as building:  # beside the runs, of which most wait
        failed = run(*PYTEST, *parallel(AT_ONCE), "-m", "book", *chosen, f"--junit-xml={REPORT}")
    must(session, PYTHON, "-m", "tests.report", REPORT, SITE)
    if building.returncode:
        session.error("the site was not built: see the lines above")
    if failed:
        session.error("something did not do what its page says: see the failures above")


def of_recipes() -> list[str]:
    """List the chapters whose recipes have verdicts."""
    from tests.book import CHAPTERS

    return [chapter.name for chapter in CHAPTERS]


@nox.session
def tests(session: nox.Session) -> None:
    """Pass the tests; `-- docs/threads/share-one-client.md` checks one page alone."""
    chosen: list[str] = []
    for argument in session.posargs:
        chosen += tests_of_page(argument) if argument.endswith(".md") else [argument]
    pages = sum(argument.endswith(".md") for argument in session.posargs)
    at_once = parallel(min(AT_ONCE, pages * AT_ONCE_OF_A_PAGE or AT_ONCE))
    must(session, *PYTEST, *(() if "--update-examples" in chosen else at_once), *chosen)


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
    sources = ("recipes", "tests/evidence", "docs/_ext", "conf.py")
    watched = [f"--watch={source}" for source in sources]
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
    """Check style, types, spelling, workflows and forms."""
    must(session, TOOLS / "ruff", "check", ".")
    must(session, TOOLS / "ruff", "format", "--check", ".")
    must(session, TOOLS / "mypy", *CHECKED)
    must(session, TOOLS / "codespell")
    must(session, TOOLS / "sphinx-lint", "docs", *sorted(ROOT.glob("*.md")))
    must(session, TOOLS / "actionlint")
    must(session, TOOLS / "zizmor", "--offline", ".github")
    for schema, path in GITHUB_FILES.items():
        must(session, TOOLS / "check-jsonschema", f"--builtin-schema=vendor.{schema}", path)
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


@nox.session
def releases(session: nox.Session) -> None:
    """Name what newer releases change, or those named: `-- grpcio==1.85.3 google-auth==2.63.0`."""
    must(session, PYTHON, "-m", "tests.evidence.measure.new_releases", *session.posargs)


def arguments(given: list[str]) -> list[str]:
    """Turn `NAME -- ARGUMENTS` into what nox understands; options of nox pass as they are."""
    if not given or given[0].startswith("-"):
        return given
    names = list(nox.registry.get())
    if given[0] not in names:
        stop(f"no job is called {given[0]}; there are {', '.join(names)}")
    return ["--session", *given]


def main(given: list[str]) -> None:
    """Do the job that is asked for, and end with its exit code; a signal ends what it runs, too."""
    sys.argv[1:] = arguments(given)
    make_venv.release_signals()
    nox.main()


if __name__ == "__main__":
    main(sys.argv[1:])
