"""A closed client is no safe one: the library's own threads may still run when the process forks.

The line to change is the `close` that was meant to make the fork safe.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..wording import FORKINGS


def check(facts: Facts) -> Iterator[Finding]:
    for made, spot, fork in facts.order.closed:
        if fork.kind != "subprocess":
            message = (
                f"Keep this {made.name} out of the process that forks: closed before "
                f"{FORKINGS[fork.kind].what}, it can still freeze the fork."
            )
            yield Finding(spot, message, beside=fork.spot)


RULE = Rule(
    id="close-then-fork",
    finds="a client that is closed before the process forks",
    misses="clients that are closed in another object's method",
    page="processes/parent-needs-a-client",
    check=check,
)
