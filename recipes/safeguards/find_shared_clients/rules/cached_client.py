"""A cached factory is right until it is called too early: the call is the line to change.

However often the parent calls it, the cache has one client, so there is one finding in a module.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..wording import FORKINGS


def check(facts: Facts) -> Iterator[Finding]:
    for made, fork in facts.inherited:
        if made.kind == "cached":
            message = (
                f"Call `{made.name}` in workers only, or let it keep a client for each process: "
                f"its client is created before {FORKINGS[fork.kind].what}, and inherited."
            )
            once = (made.spot.module, made.origins)
            yield Finding(made.spot, message, beside=fork.spot, once=once)


RULE = Rule(
    id="cached-client",
    finds="a cached factory that is used before the process forks, so that its client is inherited",
    misses="caches that are neither a decorator, a global nor a `cached_property`",
    page="processes/create-on-first-use",
    check=check,
)
