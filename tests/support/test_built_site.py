"""The shared build of the site."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.book import ROOT
from tests.support.live import wait_until

CONF = """\
import time
from pathlib import Path

def hang(app, page, source):
    Path(page + ".begun").touch()
    time.sleep(1000)

def setup(app):
    app.connect("source-read", hang)
"""
PAGES = 8
"""More than Sphinx reads in one process."""
TEST = """\
from pathlib import Path

from tests.support.built_site import run_sphinx

def test_that_builds() -> None:
    run_sphinx(Path("built/html").resolve(), Path().resolve())
"""


def processes_of(folder: Path) -> list[psutil.Process]:
    """List what runs and names a folder in its command."""
    named = [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"]]
    return [each for each in named if str(folder) in " ".join(each.info["cmdline"])]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_build_ends_with_the_tests(tmp_path: Path, number: signal.Signals) -> None:
    """A run of tests that is ended while the site is built leaves no process of the build."""
    (tmp_path / "docs").mkdir()
    for page in range(PAGES):
        (tmp_path / f"docs/{page}.rst").write_text("Page\n====\n")
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "test_made.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_made.py"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as tests:
        try:
            wait_until(lambda: any(tmp_path.glob("*.begun")) or tests.poll() is not None)
            assert len(processes_of(tmp_path / "built")) > 1
            tests.send_signal(number)
            wait_until(lambda: not processes_of(tmp_path / "built"))
        finally:
            tests.kill()
            for left in processes_of(tmp_path / "built"):
                left.kill()
