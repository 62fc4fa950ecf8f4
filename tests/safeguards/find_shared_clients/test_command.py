"""The command that finds shared clients: what it prints, and which files it looks at."""

import re
from pathlib import Path

import pytest

from tests.support.finder import FINDING, SHARED, run


def test_text(shared: Path) -> None:
    """A finding is one line: place, rule, what to do, the other place, the page."""
    done = run(shared)

    assert FINDING == done.stdout
    assert "1 finding in 1 file\n" == done.stderr
    assert 1 == done.returncode


def test_clean(tmp_path: Path) -> None:
    """A clean code base prints nothing on standard output and ends with 0."""
    (tmp_path / "clean.py").write_text("print()\n")
    done = run(tmp_path)

    assert ("", "0 findings in 1 file\n", 0) == (done.stdout, done.stderr, done.returncode)


@pytest.mark.parametrize(
    "broken",
    [b"def broken(:\n", b"# coding: latin-99\n", b"x = '\xff'\n", b"\x00\n", b"(" * 5_000 + b"\n"],
    ids=["syntax", "encoding", "not UTF-8", "null", "nested"],
)
def test_broken_file(shared: Path, broken: bytes) -> None:
    """A file that is no Python is one line and exit code 2; the others are checked."""
    (shared / "broken.py").write_bytes(broken)
    done = run(shared)
    lines = done.stderr.splitlines()

    assert FINDING == done.stdout
    assert 2 == len(lines)
    assert re.match(r"broken\.py:\d+:\d+: error: \w", lines[0])
    assert 2 == done.returncode


def test_deeply_nested_code_is_checked(shared: Path) -> None:
    """Code that a generator wrote is no error because it is deep."""
    (shared / "deep.py").write_text("x = " + " + ".join(["f(1)"] * 900) + "\n")
    done = run(shared)

    assert (FINDING, 1) == (done.stdout, done.returncode)


def test_lambda_in_an_annotation_is_checked(shared: Path) -> None:
    """What an annotation calls is no error where it is given a lambda."""
    annotated = "from typing import Annotated\n\nn: Annotated[int, max(lambda: 1)] = 5\n"
    (shared / "annotated.py").write_text(annotated)
    done = run(shared)

    assert (FINDING, 1) == (done.stdout, done.returncode), done.stderr


def test_folders_that_are_left_out(tmp_path: Path) -> None:
    """Environments and caches are left out, unless they are what is asked for."""
    for name in (".venv/lib", "node_modules", "build", "app/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "shared.py").write_text(SHARED)

    assert 0 == run(tmp_path).returncode
    assert 1 == run(tmp_path, ".venv/lib").returncode
    assert 1 == run(tmp_path, "build/shared.py").returncode


def test_file_that_is_given_twice(shared: Path) -> None:
    """A file is checked once, also where it is given by more than one path."""
    done = run(shared, ".", "shared.py", shared / "shared.py")

    assert (FINDING, "1 finding in 1 file\n") == (done.stdout, done.stderr)


def test_suppression_of_a_rule_that_is_off_is_not_unused(shared: Path) -> None:
    """A comment for a rule is kept while the rule is off, and the comments' own rule can be off."""
    text = SHARED.replace("Client()", "Client()  # shared-client: ignore[client-at-import]")
    (shared / "shared.py").write_text(
        text.replace("import os\n", "import os  # shared-client: ignore\n")
    )
    off = run(shared, "--ignore", "client-at-import").stdout
    silent = run(shared, "--ignore", "unused-suppression")

    assert ["shared.py:1:12: unused-suppression"] == [" ".join(off.split()[:2])[:-1]]
    assert ("", 0) == (silent.stdout, silent.returncode)
