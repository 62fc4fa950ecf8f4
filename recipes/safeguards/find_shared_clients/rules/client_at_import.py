"""A client of a module's own exists before anything that its program does.

The message names the kind of fork, since that decides where a worker makes its client instead.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..wording import FORKINGS


def check(facts: Facts) -> Iterator[Finding]:
    for made, fork in facts.inherited:
        if made.imported and made.kind != "cached":
            how = FORKINGS[fork.kind]
            message = (
                f"Create this {made.name} {how.where}: at import it is created before {how.what}."
            )
            yield Finding(made.spot, message, how.page, fork.spot)


RULE = Rule(
    id="client-at-import",
    finds="a client that is created at import, in a module that forks afterwards, that a forking "
    "module imports, or that defines Celery tasks",
    misses="modules that are imported by a name that is computed",
    page="processes/create-in-worker",
    check=check,
)
