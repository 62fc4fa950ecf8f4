"""The jobs' command line, as a newcomer meets it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import noxfile

ROOT = Path(__file__).resolve().parents[1]


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start the jobs with the interpreter below `.venv`, no uv, and an empty home."""
    base = Path(sys.base_prefix, "bin", "python3")
    environment = {"HOME": str(folder), "PATH": "", **variables}
    return subprocess.run(
        [base, "noxfile.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_unreachable_index_is_one_clear_line(tmp_path: Path) -> None:
    """Without packages the last line says what to do, and no half environment is used later."""
    for name in ("noxfile.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_RETRIES": "0"}
    done = start(tmp_path, "--list", PIP_CONFIG_FILE=os.devnull, **nowhere)

    assert 1 == done.returncode
    assert done.stderr.splitlines()[-1].startswith("noxfile.py: not installed")
    assert not (tmp_path / ".venv" / "requirements.sha256").exists()


def test_unknown_name_is_an_error() -> None:
    """A job that does not exist ends with an error that names it."""
    command = [sys.executable, "-m", "nox", "--session", "bake"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 != done.returncode
    assert "bake" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], []),
        (["--list"], ["--list"]),
        (["tests", "--", "-k", "x"], ["--session", "tests", "--", "-k", "x"]),
    ],
)
def test_name_stands_for_a_session(given: list[str], passed: list[str]) -> None:
    """A bare name is a session, options of nox pass as they are."""
    assert passed == noxfile.arguments(given)


def test_other_file_is_no_page() -> None:
    """A Markdown file outside docs/ ends with one line that says what to name."""
    with pytest.raises(SystemExit, match=r"README\.md is no page: name one under docs/"):
        noxfile.tests_of_page("README.md")


@pytest.mark.parametrize(
    ("page", "of_recipe"),
    [
        ("docs/threads/share-one-client.md", "tests/threads/test_share_one_client.py"),
        ("docs/event-loops/use-anyio.md", "tests/event_loops/test_use_anyio.py"),
    ],
)
def test_page_selects_its_blocks_and_the_tests_of_its_recipe(page: str, of_recipe: str) -> None:
    """One page alone is its blocks, its recipe and its twin."""
    expected = ["tests/blocks/test_pages.py", f"--page={page}", of_recipe]

    assert expected == noxfile.tests_of_page(page)
