"""Comments that suppress findings; one that suppresses nothing is a finding of its own.

They are read as tokens, because a tree has no comments, and only where a file has the words.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .reports import Reported
from .rules import RULES
from .rules.unused_suppression import unused
from .settings import Settings
from .source.module import Module

COMMENT = re.compile(r"#\s*shared-client:\s*ignore(?:\[(?P<rules>[^\]]*)\])?")


@dataclass(frozen=True)
class Suppression:
    """A comment and the rules that it names; none means all."""

    line: int
    column: int
    rules: tuple[str, ...]


def suppressions(module: Module) -> Iterator[Suppression]:
    """Yield each suppressing comment."""
    if b"shared-client:" not in module.text:
        return
    for token in tokenize.tokenize(io.BytesIO(module.text).readline):
        if token.type == tokenize.COMMENT and (found := COMMENT.search(token.string)):
            rules = (rule.strip() for rule in (found["rules"] or "").split(","))
            line, column = token.start
            yield Suppression(line, column + 1, tuple(rule for rule in rules if rule))


def suppressed(module: Module, findings: list[Reported], settings: Settings) -> list[Reported]:
    """Mark what a comment suppresses, and add a finding for each that suppresses nothing."""
    marked = dict.fromkeys(findings, False)
    added: list[Reported] = []
    for comment in suppressions(module):
        here = [each for each in findings if each.place.line <= comment.line <= each.place.end_line]
        for rule in comment.rules or [""]:
            matching = [each for each in here if rule in ("", each.rule)]
            marked.update(dict.fromkeys(matching, True))
            off = rule in RULES and rule not in settings.rules
            if not matching and not off and "unused-suppression" in settings.rules:
                known = rule in RULES
                added.append(unused(module.shown, comment.line, comment.column, rule, known=known))
    return [*(replace(each, suppressed=yes) for each, yes in marked.items()), *added]
