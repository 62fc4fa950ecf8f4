"""The pattern of a page, its first program, is short enough to be seen whole."""

import pytest

from tests.blocks.blocks import PAGES, Block, Page, find_pages

LONGEST = 15
NO_PATTERN = {
    "processes/mechanics.md": "it explains what a fork does, and advises nothing",
    "processes/fork-support.md": "its first program demonstrates a setting, and is none to copy",
}
"""Pages whose first program is not a pattern, each with the reason."""


def lines(block: Block) -> int:
    """Count the lines of a program, without blank ones and those that show what it prints."""
    stripped = [line.strip() for line in block.source.splitlines()]
    return sum(line != "" and not line.startswith("#>") for line in stripped)


def place(page: Page) -> str:
    return page.path.relative_to(PAGES).as_posix()


PATTERNS = {
    place(page): programs[0]
    for page in find_pages()
    if (programs := [block for block in page.blocks if block.language == "python"])
}


@pytest.mark.parametrize("name", sorted({*PATTERNS} - {*NO_PATTERN}))
def test_pattern_is_short(name: str) -> None:
    """A reader in a hurry sees the whole pattern of a page at once."""
    pattern = PATTERNS[name]

    assert lines(pattern) <= LONGEST, f"{pattern} has {lines(pattern)} lines, of at most {LONGEST}"


@pytest.mark.parametrize("name", NO_PATTERN)
def test_exemption_is_needed(name: str) -> None:
    """A page is exempt only where its first program is longer than a pattern."""
    assert lines(PATTERNS[name]) > LONGEST


def test_only_lines_to_read_are_counted() -> None:
    """Blank lines and shown results are free; comments, and prints that are not results, count."""
    source = 'import os\n\n\nif os.name:\n    print("#> 1")\n    #> #> 1\n    \n# why\n'
    page = Page(PAGES / "page.md", [Block(PAGES / "page.md", 1, "python", source, 0, 0, 0)])

    assert [4] == [lines(block) for block in page.blocks]
