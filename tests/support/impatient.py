"""Copies of recipes that do not wait as long for a worker that hangs."""

import re
from pathlib import Path

from tests.book import BOOK

SECONDS = 15
"""Long enough for workers to start on processors that are busy."""


def impatient(file: str, folder: Path, name: str = "LIMIT") -> Path:
    """Copy a recipe, so that it waits SECONDS where the recipe waits a minute or more."""
    text = BOOK.path(file).read_text("utf-8")
    text, changed = re.subn(rf"^{name} = \d+", f"{name} = {SECONDS}", text, flags=re.MULTILINE)
    assert 1 == changed
    program = folder / BOOK.path(file).name
    program.write_text(text, "utf-8")
    return program
