"""Clients of which nobody can say whether they are made before a fork or after it.

Two functions of a module that do not call each other may be called in any order by others. Where
fork is a choice that can be made otherwise, that is enough for a finding.
"""

from collections.abc import Collection

from .facts import Facts
from .flow.state import Fork
from .source.module import Spot
from .values.kinds import Class, Client, Named


def unordered_client(spot: Spot, forks: Collection[Fork], facts: Facts) -> Spot | None:
    """Return a client of the same module that may be made before or after the forks."""
    ordered = {scope for fork in forks for scope in facts.order.ordered[fork]}
    for scope in spot.module.scopes.values():
        if scope in ordered or facts.workers.run_nothing_else(scope):
            continue
        if forks and scope is spot.module.scope:
            continue  # an import is ordered before all forks of functions
        for call in scope.calls:
            function = facts.values.of(call.func, scope)
            made = facts.values.of(call, scope)
            if isinstance(function, Named | Class) and isinstance(made, Client):
                return Spot(spot.module, call)
    return None
