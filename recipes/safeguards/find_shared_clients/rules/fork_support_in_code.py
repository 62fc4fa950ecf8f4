"""No value of the variable makes an inherited client safe, so a program that sets it is misled.

Files that do not have its name in their text are passed over: the look at every node is slow.
"""

import ast
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Scope, Spot
from ..values.inference import Values
from ..values.kinds import Named, Text

VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"


def check(facts: Facts) -> Iterator[Finding]:
    message = f"Leave `{VARIABLE}` unset: neither value makes an inherited client safe."
    for module in facts.code.modules:
        if VARIABLE.encode() in module.text:
            for scope in module.scopes.values():
                for node in scope.own_nodes():
                    if sets_variable(node, scope, facts.values):
                        yield Finding(Spot(module, node), message)


def sets_variable(node: ast.AST, scope: Scope, values: Values) -> bool:
    match node:
        case ast.Subscript(value=base, slice=key, ctx=ast.Store()):
            is_environ = values.of(base, scope) == Named("os.environ")
            return is_environ and is_variable(key, scope, values)
        case ast.Call():
            return call_sets_variable(node, scope, values)
    return False


def call_sets_variable(call: ast.Call, scope: Scope, values: Values) -> bool:
    match values.of(call.func, scope):
        case Named(name="os.putenv" | "os.environ.setdefault"):
            return bool(call.args) and is_variable(call.args[0], scope, values)
        case Named(name="os.environ.update"):
            written = [each for each in call.args if isinstance(each, ast.Dict)]
            return any(each.arg == VARIABLE for each in call.keywords) or any(
                is_variable(key, scope, values) for each in written for key in each.keys
            )
    return False


def is_variable(key: ast.expr | None, scope: Scope, values: Values) -> bool:
    return values.of(key, scope) in (Text(VARIABLE), Text(f"{VARIABLE}=1"))


RULE = Rule(
    id="fork-support-in-code",
    finds="`GRPC_ENABLE_FORK_SUPPORT` set by the program itself",
    misses="environments that are made for another program",
    page="processes/fork-support",
    check=check,
)
