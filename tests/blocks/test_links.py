"""Links of the pages: what a reader is sent to bears the name that it has there."""

import re
from pathlib import Path

import pytest

from tests.blocks.blocks import PAGES, name_of

LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+\.md)(?:#[^)\s]+)?\)")
"""A link to a page, or to one of its sections."""


def seen_also(text: str) -> list[tuple[str, str]]:
    """Return the texts and targets of the links to pages below the heading `See also`."""
    return LINK.findall(text.partition("\n## See also\n")[2])


def title(page: Path) -> str:
    """Return the title of a page."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.md")), ids=name_of)
def test_see_also_names_pages_by_their_titles(page: Path) -> None:
    """Where a link leads stands what it said."""
    links = seen_also(page.read_text("utf-8"))

    assert links == [(title(page.parent / target), target) for _, target in links]


def test_pages_see_others() -> None:
    """The links are found."""
    assert [("Share one client among threads", "b.md"), ("c", "d/c.md")] == seen_also(
        "# A\n[b](a.md)\n## See also\n- [Share one client among threads](b.md)\n- [c](d/c.md#e)\n"
    )
