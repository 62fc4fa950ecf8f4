"""What a rule is, and what it finds.

A rule says what it finds and where it is silent, so that the page, the SARIF log and the check
itself have one source. A finding is one line to change, and names the page that shows how.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .facts import Facts
from .source.module import Spot

BOOK = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/"


@dataclass(frozen=True)
class Finding:
    """One line to change. `beside` is the other place that makes it a fault.

    `page` is empty where the page of the rule is meant. Of findings of a rule for the same node,
    or with the same `once`, the first is kept.
    """

    spot: Spot
    message: str
    page: str = ""
    beside: Spot | None = None
    once: object = None


Check = Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """`finds` completes the sentence "It finds"; `misses` says where the rule is silent."""

    id: str
    finds: str
    misses: str
    page: str
    check: Check

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Yield what the rule finds, the same thing once."""
        seen: set[object] = set()
        for finding in self.check(facts):
            thing = finding.once or finding.spot.node
            if thing not in seen:
                seen.add(thing)
                yield finding


def url(page: str) -> str:
    """Return the published address of a page."""
    return f"{BOOK}{page}.html"
