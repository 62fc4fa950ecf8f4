"""Copies of recipes that do not wait as long."""

import re
from pathlib import Path

from tests.book import BOOK


def impatient(file: str, folder: Path, name: str = "LIMIT") -> Path:
    """Copy a recipe that waits 3 seconds where the recipe waits a minute or more."""
    text = BOOK.path(file).read_text("utf-8")
    text, changed = re.subn(rf"^{name} = \d+", f"{name} = 3", text, flags=re.MULTILINE)
    assert 1 == changed
    program = folder / BOOK.path(file).name
    program.write_text(text, "utf-8")
    return program
