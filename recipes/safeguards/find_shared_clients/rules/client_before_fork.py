"""A client that a function made before the fork can be moved, or its work can.

A pool that replaces its workers forks again at any time, so there behind the fork is no place.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..wording import FORKINGS


def check(facts: Facts) -> Iterator[Finding]:
    for made, fork in facts.inherited:
        if made.imported or made.kind == "cached":
            continue
        if fork.recurring:
            message = (
                f"Move the work that needs this {made.name} into a worker: the pool forks again "
                "when it replaces a worker."
            )
            yield Finding(made.spot, message, "processes/recycle-workers", fork.spot)
        else:
            message = (
                f"Move the work that needs this {made.name} into a worker, or behind the fork: "
                f"it is created before {FORKINGS[fork.kind].what}."
            )
            yield Finding(made.spot, message, beside=fork.spot)


RULE = Rule(
    id="client-before-fork",
    finds="a client that a function creates before the process forks",
    misses="an order that only a caller outside of the given paths knows",
    page="processes/parent-needs-a-client",
    check=check,
)
