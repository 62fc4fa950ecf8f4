"""One build of the site for all tests that look at it, in whichever process they run.

It takes longer than most tests, and several at once would take the processors from all others.
"""

import fcntl
import os
import sys
from pathlib import Path

import pytest

from tests.book import ROOT
from tests.runner import Command, InterpreterRunner
from tests.runner.outcome import Outcome

PREFIX = "/cookbook/"
"""Where the site is served, as GitHub Pages serves a project."""
SPHINX = Path(sys.executable).with_name("sphinx-build")
SECONDS = 600.0
"""After which a build hangs."""


def run_sphinx(site: Path, checkout: Path = ROOT) -> str:
    """Build the site of a checkout; return how Sphinx failed, as at any warning, or nothing.

    Its processes end with this one, however it ends.
    """
    options = ["-q", "-c", ".", "-n", "-W", "--keep-going", "-j", "auto"]
    command = Command(
        SPHINX,
        [*options, "-d", str(site.with_name("doctrees")), "docs", str(site)],
        deadline=SECONDS,
        environment={"SITE_URL": "http://127.0.0.1:8000" + PREFIX},
        cwd=checkout,
    )
    with InterpreterRunner() as runner:
        run = runner.run(command)
    return "" if run.outcome == Outcome("ok") else f"sphinx: {run.outcome}\n{run.stderr}"


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the warnings of one build, which the workers of pytest-xdist share."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    shared.mkdir(exist_ok=True)
    log = shared / "warnings.txt"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not log.exists():
            log.write_text(run_sphinx(shared / "html"))
    return shared / "html", log.read_text()
