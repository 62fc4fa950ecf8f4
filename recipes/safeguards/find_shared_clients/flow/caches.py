"""Factories that keep their client, and those that keep one for each process.

A cached client outlives the call that made it, which makes its factory the line to change. A
factory that asks for the process id, or is reset after a fork, is right and makes nothing that
could be inherited.
"""

import ast
from collections.abc import Iterator

from ..source.module import Scope
from ..values.inference import Values
from ..values.kinds import Named
from ..values.libraries import CACHES


class Caches:
    """Says which functions are cached, and by what."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.attributes = {
            scope.name
            for scope in values.code.scopes()
            if scope.owner and scope.decorators and self.is_cached(scope)
        }
        """Names of cached methods: of these, a mere attribute may be a call."""

    def is_cached(self, scope: Scope) -> bool:
        """Say whether a function keeps what it gives: by a decorator, or in a global if unset."""
        for decorator in scope.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            named = self.values.of(target, scope.parent or scope)
            if isinstance(named, Named) and CACHES.fullmatch(named.name):
                return True
        return any(name in scope.globals for name in set_if(scope)) if scope.globals else False

    def is_keyed_by_process(self, scope: Scope, call: ast.Call, caller: Scope) -> bool:
        """Say whether a factory makes a client anew in each process.

        It does if it asks for the process id, is called with it, or is reset after a fork.
        """
        if any(self.asks_for_process(argument, caller) for argument in call.args):
            return True
        if self.is_cached(scope):
            return self.asks_for_process(scope.node, scope) or self.is_reset_after_fork(scope)
        return any(
            self.asks_for_process(each, scope)
            for each in ast.walk(scope.node)
            if isinstance(each, ast.Compare | ast.Subscript)
        )

    def asks_for_process(self, node: ast.AST, scope: Scope) -> bool:
        return any(
            isinstance(each, ast.Call) and self.values.of(each.func, scope) == Named("os.getpid")
            for each in ast.walk(node)
        )

    def is_reset_after_fork(self, scope: Scope) -> bool:
        module = scope.module.scope
        return any(
            self.values.of(each.func, module) == Named("os.register_at_fork")
            and any(keyword.arg == "after_in_child" for keyword in each.keywords)
            for each in module.calls
        )


def set_if(scope: Scope) -> Iterator[str]:
    """Yield the names that a function sets under a condition."""
    for branch in ast.walk(scope.node):
        if isinstance(branch, ast.If):
            for statement in branch.body:
                for name in ast.walk(statement):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        yield name.id
