"""An async client belongs to an event loop, and at import there is none yet.

Where the process forks as well, the client is a finding of that already.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule


def check(facts: Facts) -> Iterator[Finding]:
    forked = {id(made) for made, _ in facts.order.pairs}
    for every in facts.made_at_import.values():
        for made in every:
            if made.is_async and made.kind != "threads" and id(made) not in forked:
                message = (
                    f"Create this {made.name} in a coroutine: it belongs to the event loop in "
                    "which it is created."
                )
                yield Finding(made.spot, message)


RULE = Rule(
    id="async-client-at-import",
    finds="an async client that is created at import, before there is an event loop",
    misses="clients that a class creates at import by its metaclass",
    page="processes/create-on-first-use",
    check=check,
)
