"""Which functions run in workers, and which run in nothing else.

A function that a worker runs may be called by the parent, too. Only what nothing but workers
call is free to create a client beside a fork.
"""

from collections.abc import Iterable
from functools import cached_property

from ..source.module import Scope
from ..values.inference import Values
from .frameworks import child_hooks
from .sends import Send, run_by


class WorkerFunctions:
    """The functions of a code base that run in workers."""

    def __init__(self, values: Values, sends: Iterable[Send]) -> None:
        self.values = values
        self.sends = sends

    @cached_property
    def roots(self) -> frozenset[Scope]:
        """The functions that run in workers, each as it was handed to them."""
        found: set[Scope] = set()
        for send in self.sends:
            for each in send.functions:
                if function := run_by(each, send, self.values):
                    found.add(function)
        for scope in self.values.code.scopes():
            found.update(child_hooks(scope, self.values))
        return frozenset(found)

    @cached_property
    def callers(self) -> dict[Scope, set[Scope]]:
        """Those that call each function."""
        found: dict[Scope, set[Scope]] = {}
        for scope, call in self.values.code.calls():
            if function := self.values.classes.function(self.values.of(call.func, scope)):
                found.setdefault(function, set()).add(scope)
        return found

    @cached_property
    def in_workers(self) -> frozenset[Scope]:
        """The functions that a worker runs, directly or by what it calls."""
        found = {*self.roots}
        grown = True
        while grown:
            more = {
                function
                for function, callers in self.callers.items()
                if callers & found and function not in found
            }
            found |= more
            grown = bool(more)
        return frozenset(found)

    @cached_property
    def only_in_workers(self) -> frozenset[Scope]:
        """Those of them that nothing else calls."""
        found = {*self.in_workers}
        shrunk = True
        while shrunk:
            fewer = {scope for scope in found if self.callers.get(scope, set()) - found}
            found -= fewer
            shrunk = bool(fewer)
        return frozenset(found)

    def run_nothing_else(self, scope: Scope) -> bool:
        """Say whether a scope, or one around it, runs in workers only."""
        return any(scope.is_within(each) for each in self.only_in_workers)
