"""The rules of the book."""

from itertools import groupby

from tests.evidence.rules import CHAPTERS, Rule, rules
from tests.evidence.trials import recipe_files


def test_every_file_is_of_one_rule() -> None:
    """Each recipe is a rule, with its broken twin where there is one."""
    assert sorted(file for rule in rules() for file in rule.files) == recipe_files()
    assert Rule("threads/use_rest", None) in rules()
    assert ["threads/share_one_client", "threads/share_one_client_broken"] in [
        rule.files for rule in rules()
    ]


def test_chapters_stand_in_the_order_of_the_book() -> None:
    """The rules of a chapter stand together; one chapter can be had alone."""
    assert list(CHAPTERS) == [chapter for chapter, _ in groupby(rules(), lambda it: it.chapter)]
    assert rules() == [rule for chapter in CHAPTERS for rule in rules(chapter)]
    assert [] == rules("testing")
