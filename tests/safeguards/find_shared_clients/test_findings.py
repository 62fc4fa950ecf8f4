"""Finding shared clients: what each rule finds, and what it leaves alone."""

from collections import Counter
from pathlib import Path

import pytest

from recipes.safeguards.find_shared_clients.rules import RULES
from tests.support.finder import found_in
from tests.support.finder_snippets import Snippet, snippets

SNIPPETS = list(snippets())


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_finds_exactly_what_is_wrong(
    snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding is at its line and column; what is right stays silent."""
    monkeypatch.chdir(tmp_path)
    snippet.write(tmp_path)

    assert sorted(snippet.expected) == sorted(found_in([tmp_path]))
    assert snippet.is_right == (not snippet.expected)


def test_each_rule_is_tested_from_both_sides() -> None:
    """Each rule has several lines that are wrong, and something right next to them."""
    wrong = Counter(rule for each in SNIPPETS for *_, rule in each.expected)
    right = Counter(each.rule for each in SNIPPETS if each.is_right)

    assert {*RULES} == {*wrong}
    assert [] == [rule for rule in RULES if wrong[rule] < 2]
    assert [] == [rule for rule in {each.rule for each in SNIPPETS} if not right[rule]]
    assert len(SNIPPETS) >= 40
