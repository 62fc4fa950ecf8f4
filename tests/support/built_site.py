"""One build of the site for all tests that look at it, in whichever process they run.

It takes longer than most tests, and several at once would take the processors from all others.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.book import ROOT

PREFIX = "/cookbook/"
"""Where the site is served, as GitHub Pages serves a project."""


def run_sphinx(site: Path) -> str:
    """Build the site; return how Sphinx failed, as it does at any warning, or nothing."""
    command = [sys.executable, "-m", "sphinx", "-q", "-c", ".", "-n", "-W", "--keep-going"]
    command += ["-j", "auto", "-d", str(site.with_name("doctrees")), "docs", str(site)]
    environment = {**os.environ, "SITE_URL": "http://127.0.0.1:8000" + PREFIX}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return f"sphinx ended with {done.returncode}\n{done.stderr}" if done.returncode else ""


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
