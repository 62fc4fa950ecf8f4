"""The page of the check for shared clients says what its rules say."""

import re

from recipes.safeguards.find_shared_clients.rules import RULES
from tests.support.finder import FOLDER, PAGE, ROOT


def test_page_lists_the_rules() -> None:
    """The table of the page says of each rule what it finds and what it does not see."""
    cells = {
        row[1].strip("`"): row
        for line in PAGE.read_text("utf-8").splitlines()
        if len(row := [cell.strip() for cell in line.split("|")]) == 6
    }

    for rule in RULES.values():
        _, _, finds, misses, link, _ = cells[rule.id]
        here = rule.page == "safeguards/find-shared-clients"
        assert (rule.finds, rule.misses) == (finds, misses)
        assert link == "this page" if here else link.endswith(f"](../{rule.page}.md)")


def test_pages_that_findings_name_exist() -> None:
    """Each page that a rule or a message sends the reader to is one of this book."""
    texts = [path.read_text("utf-8") for path in FOLDER.rglob("*.py")]
    named = {
        page for text in texts for page in re.findall(r'"((?:processes|safeguards)/[\w-]+)"', text)
    }

    assert {rule.page for rule in RULES.values()} <= named
    assert set() == {page for page in named if not (ROOT / f"docs/{page}.md").is_file()}
