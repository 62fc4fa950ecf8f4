"""A comment that suppresses nothing hides the next finding of its line.

It is judged last and file by file, over what the other rules found, so there is nothing to check
in the code base itself.
"""

from collections.abc import Iterable

from ..facts import Facts
from ..findings import Finding, Rule, url
from ..reports import Place, Reported


def check(facts: Facts) -> Iterable[Finding]:
    return ()


def unused(path: str, line: int, column: int, rule: str, *, known: bool) -> Reported:
    """Report a rule that a comment names, or with `rule` empty the whole comment."""
    text = f"Remove `{rule}`" if rule else "Remove this comment"
    text += ": it suppresses nothing." if known or not rule else ": no such rule."
    where = Place(path, line, column, line, column + 1)
    return Reported(RULE.id, where, text, url(RULE.page))


RULE = Rule(
    id="unused-suppression",
    finds="a comment `shared-client: ignore` that suppresses nothing",
    misses="rules that are not selected",
    page="safeguards/find-shared-clients",
    check=check,
)
