"""Fork is a choice: where it is written out, that line can be changed without moving a client.

A client that is certainly made before `os.fork` is a finding itself and says so, so here the
chosen start methods are judged, and forks of which the order is not known.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..flow.state import Fork
from ..source.module import Spot
from ..unordered import unordered_client
from ..values.kinds import Context


def check(facts: Facts) -> Iterator[Finding]:
    clients = {fork: made for made, fork in facts.order.pairs if made.kind != "threads"}
    for spot, forks in forks_by_choice(facts).items():
        directly = any(fork.kind == "fork" for fork in forks)
        before = next((clients[fork].spot for fork in forks if fork in clients), None)
        if before and directly:
            continue  # the client is a finding, and says so
        if beside := before or unordered_client(spot, forks, facts):
            todo = "Choose forkserver or spawn"
            if directly:
                todo = "Start workers by forkserver or spawn instead of `os.fork`"
            yield Finding(spot, f"{todo}: this process creates a client, too.", beside=beside)


def forks_by_choice(facts: Facts) -> dict[Spot, list[Fork]]:
    """Return where fork is chosen as the start method or called, and what forks by that."""
    forks: dict[Spot, list[Fork]] = {spot: [] for spot, method in facts.choices if method == "fork"}
    for scope, call in facts.code.calls():
        context = facts.values.of(call, scope)
        if isinstance(context, Context) and context.method == "fork" and context.choice:
            forks.setdefault(context.choice, [])
    for fork in facts.order.ordered:
        if fork.choice:
            forks.setdefault(fork.choice, []).append(fork)
    return forks


RULE = Rule(
    id="fork-beside-client",
    finds="fork as the chosen start method, or `os.fork`, beside a client that is created before "
    "it, or in no certain order",
    misses="in no certain order, clients of other modules",
    page="processes/choose-start-method",
    check=check,
)
