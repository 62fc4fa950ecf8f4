"""Threads that run at a fork leave their locks locked in the child.

Many programs have threads that do no harm, so it counts only where they use a client, or where
fork was chosen in a program that has one. Workers of one pool are one finding.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule


def check(facts: Facts) -> Iterator[Finding]:
    for made, fork in facts.order.pairs:
        if made.kind != "threads" or fork.kind == "subprocess":
            continue
        program = facts.code.programs[fork.spot.module]
        if made.uses_client or (fork.choice and program in facts.programs_with_client):
            message = (
                "Fork before the threads start, or start workers by forkserver or spawn: the "
                "threads run when the process forks."
            )
            yield Finding(fork.spot, message, beside=made.spot, once=fork.workers)


RULE = Rule(
    id="fork-beside-threads",
    finds="threads that run when the process forks, where fork is chosen or the threads use a "
    "client",
    misses="threads that a library starts",
    page="processes/parent-needs-a-client",
    check=check,
)
