"""The clients that a worker's function takes from around it: from globals, closures, defaults.

They were made by the process that defines the function, whether or not a fork is in sight: a
worker that is started by spawn makes them again at import, and must not rely on it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..source.module import Binding, Scope, Spot
from ..values.inference import Values
from ..values.kinds import Client, Holding, Instance


@dataclass(frozen=True)
class Capture:
    """A name in a worker's function that is a client of an enclosing function or module."""

    spot: Spot
    name: str
    home: Scope
    bindings: tuple[Binding, ...]


def captures(scope: Scope, values: Values, seen: set[Scope]) -> Iterator[Capture]:
    """Yield the clients that a function takes from around it, itself or by what it calls."""
    seen.add(scope)
    inside = [each for each in scope.module.scopes.values() if each.is_within(scope)]
    yield from of_defaults(scope, values)
    for inner in inside:
        for name in inner.reads:
            if capture := of_name(name, inner, scope, values):
                yield capture
        for call in inner.calls:
            function = values.classes.function(values.of(call.func, inner))
            if function and function not in seen and not function.is_within(scope):
                yield from captures(function, values, seen)


def of_name(name: ast.Name, inner: Scope, function: Scope, values: Values) -> Capture | None:
    """Return what a name captures that a scope inside of a function reads."""
    found = inner.lookup(name.id)
    if not found or found[0].is_within(function):
        return None
    home, bindings = found
    value = values.names.named(name.id, inner)
    if isinstance(value, Client | Holding) or (
        isinstance(value, Instance) and home.is_function and values.holders.held(value)
    ):
        return Capture(Spot(inner.module, name), name.id, home, tuple(bindings))
    return None


def of_defaults(scope: Scope, values: Values) -> Iterator[Capture]:
    """A default of a parameter is evaluated in the process that defines the function."""
    if not isinstance(scope.node, ast.Module | ast.ClassDef) and scope.parent:
        for default in (*scope.node.args.defaults, *scope.node.args.kw_defaults):
            if default and values.holders.held(values.of(default, scope.parent)):
                spot = Spot(scope.module, default)
                yield Capture(spot, ast.unparse(default), scope.parent, ())
