"""What tells of changes, and what checks them before they are committed."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.project.checkout import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_changelog_begins_with_verdicts_and_advice() -> None:
    """Whoever depends on them reads them first; the README tells where."""
    headings = re.findall(r"^##+ (.*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert ["[Unreleased]", "Verdicts and advice"] == headings[:2]
    assert "\nCHANGELOG.md " in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_hook_is_a_check_of_lint(hook: dict[str, str]) -> None:
    """It runs a tool of the environment, which `lint` runs, too: there is one pin for both."""
    tool = Path(hook["entry"].split()[0])

    assert Path(".venv", "bin") == tool.parent
    assert Path(sys.executable).with_name(tool.name).exists()
    assert f'TOOLS / "{tool.name}"' in (ROOT / "noxfile.py").read_text("utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_actions_are_pinned_by_digest(path: Path) -> None:
    """Each names the release that its digest is of, for people and for the bot."""
    used = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]

    assert used
    assert [] == [line for line in used if not PINNED.search(line)]
