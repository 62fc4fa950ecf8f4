"""What threads run.

Threads beside a fork are a fault of their own where they use a client: a lock that one of them
holds at that moment stays locked in the child.
"""

import ast

from ..source.module import Scope
from ..values.inference import Values
from ..values.kinds import Client, Method


def target_of(call: ast.Call, scope: Scope, values: Values) -> Scope | None:
    """Return the function that a `Thread` runs."""
    given = [keyword.value for keyword in call.keywords if keyword.arg in ("target", "function")]
    given += call.args[1:2]
    return values.classes.function(values.of(given[0], scope)) if given else None


def uses_client(scope: Scope, values: Values, seen: frozenset[Scope] = frozenset()) -> bool:
    """Say whether a function calls a method of a client, itself or by what it calls."""
    for call in scope.calls:
        match values.of(call.func, scope):
            case Method(owner=Client()):
                return True
            case value:
                inner = values.classes.function(value)
                if inner and inner not in seen and uses_client(inner, values, seen | {scope}):
                    return True
    return False
