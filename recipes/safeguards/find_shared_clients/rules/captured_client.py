"""A worker's function may use a client of its parent without being sent one.

Most such clients were made before a fork and are findings of other rules, which name the better
line to change. So what these report is left to them, and only the rest is reported here.
"""

import ast
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Spot
from ..values.kinds import Client
from ..wording import FORKINGS
from ..workers.captures import Capture, captures
from ..workers.sends import run_by
from .cached_client import RULE as CACHED_CLIENT
from .client_at_import import RULE as CLIENT_AT_IMPORT
from .client_before_fork import RULE as CLIENT_BEFORE_FORK
from .close_then_fork import RULE as CLOSE_THEN_FORK

OF_OTHERS = (CLIENT_AT_IMPORT, CLIENT_BEFORE_FORK, CACHED_CLIENT, CLOSE_THEN_FORK)


def check(facts: Facts) -> Iterator[Finding]:
    yield from process_classes(facts)
    known = known_otherwise(facts)
    for send in facts.sends:
        for each in send.functions:
            function = run_by(each, send, facts.values)
            for capture in captures(function, facts.values, set()) if function else ():
                if is_of_parent(capture, known, facts):
                    message = (
                        f"Create the client in the worker: `{capture.name}` is that of the "
                        "process that starts it."
                    )
                    page = FORKINGS[send.kind].page if send.kind in FORKINGS else ""
                    yield Finding(capture.spot, message, page, send.spot)


def process_classes(facts: Facts) -> Iterator[Finding]:
    """The constructor of a `Process` class runs in the process that starts it."""
    for scope, every in facts.made_by_processes.items():
        for made in every:
            message = (
                f"Create this {made.name} in `run`: the constructor of {scope.name} runs in "
                "the process that starts it."
            )
            yield Finding(made.spot, message, beside=Spot(scope.module, scope.node))


def known_otherwise(facts: Facts) -> set[ast.AST]:
    """Return what other rules report, and what makes the clients that they are about."""
    known = {
        node
        for rule in OF_OTHERS
        for finding in rule.findings(facts)
        for node in ast.walk(finding.spot.node)
    }
    for made, fork in facts.order.pairs:
        if fork.kind != "subprocess":
            known |= made.origins
    return known


def is_of_parent(capture: Capture, known: set[ast.AST], facts: Facts) -> bool:
    """Say whether a captured client is one that the parent made, and no other finding says."""
    if capture.home.is_function:
        return True
    bound = facts.values.names.bound
    made = [each for each in capture.bindings if each.kind != "annotation"]
    if any(each.kind == "import" or not each.scope.is_function for each in made if bound(each)):
        return False  # made at import: a finding of its own where the process forks
    setters = [each for each in made if isinstance(bound(each), Client)]
    return bool(setters) and not any(
        each.scope in facts.workers.in_workers or any(node in known for node in ast.walk(each.node))
        for each in setters
    )


RULE = Rule(
    id="captured-client",
    finds="a worker's function that uses a client of the process that started it",
    misses="functions that are looked up by name at run time",
    page="processes/create-in-worker",
    check=check,
)
