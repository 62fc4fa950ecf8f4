"""The tests of the site where no browser is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.checkout import ROOT

ALONE = """\
from playwright.sync_api import Browser

def test_that_needs_a_browser(browser: Browser) -> None:
    assert browser.is_connected()
"""


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")], ids=["at home", "in CI"]
)
def test_without_a_browser(tmp_path: Path, ci: str, outcome: str) -> None:
    """It is a skip that names what to install, and a failure in CI; no Playwright is started."""
    for name in ("conftest.py", "__init__.py"):
        source = ROOT / "tests" / "site" / name
        (tmp_path / name).write_text(source.read_text("utf-8") if source.exists() else "")
    (tmp_path / "test_alone.py").write_text(ALONE)
    environment = {**os.environ, "PATH": "", "CHROMIUM": "", "CI": ci}
    environment["PLAYWRIGHT_NODEJS_PATH"] = "/nonexistent"
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "pytest", "-q", "-rsE", "-p", "no:cacheprovider", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert f"{outcome} in" in done.stdout.splitlines()[-1], done.stdout
    assert "no Chromium: install the package chromium-headless-shell" in done.stdout
