"""The calls that hand something to workers, each with what runs there and what goes there.

What is sent is pickled, or inherited by a fork: both are wrong for a client, and the call is the
line to change. Each library of workers has its own places for the function and for its arguments.
"""

import ast
from dataclasses import dataclass

from ..source.module import Scope, Spot
from ..values.inference import Values
from ..values.kinds import Context, Instance, Method, Named, Result, Workers

TASKS = {
    "pool": {
        "apply", "apply_async", "imap", "imap_unordered", "map", "map_async", "starmap",
        "starmap_async",
    },
    "executor": {"map", "submit"},
}  # fmt: skip
BEFORE = {"process": 1, "pool": 1, "executor": 2}
"""Positional arguments before a constructor's function: Process(group, target), Pool(n, f),
Executor(n, context, f).
"""
NOT_SENT = {"callback", "chunksize", "context", "daemon", "error_callback", "max_tasks_per_child"}
NOT_SENT |= {"max_workers", "maxtasksperchild", "mp_context", "name", "processes", "timeout"}
FUNCTIONS_BY_KEYWORD = {"func", "fn", "initializer", "target"}
QUEUES = {"put", "put_nowait", "send"}
PICKLES = {
    f"{library}.{name}"
    for library in ("pickle", "cPickle", "dill", "cloudpickle", "joblib")
    for name in ("dump", "dumps")
} | {"copy.deepcopy", "copy.copy"}


@dataclass(frozen=True)
class Send:
    """One call that hands a function and arguments to workers, or pickles something."""

    spot: Spot
    scope: Scope
    kind: str
    context: Context
    functions: tuple[ast.expr, ...]
    arguments: tuple[ast.expr, ...]


def all_sends(values: Values) -> tuple[Send, ...]:
    """Return what all calls of the code base send."""
    found = (send_of(call, scope, values) for scope, call in values.code.calls())
    return tuple(send for send in found if send)


def send_of(call: ast.Call, scope: Scope, values: Values) -> Send | None:
    """Return what a call sends."""
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    match values.of(call.func, scope):
        case Named(name=name) if name in PICKLES:
            return sorted_out("pickle", Context(None), call, scope, 0, call.args[:1])
        case Method(owner=Workers(kind=kind, context=context), name=name) if name in TASKS.get(
            kind, ()
        ):
            return sorted_out(kind, context, call, scope, 1, call.args)
        case Method(owner=Result(name=name), name=method) if (
            name.startswith("multiprocessing.") and method in QUEUES
        ):
            return sorted_out("queue", Context(None), call, scope, 0, call.args)
        case Method() | None if attribute == "run_in_executor":
            given = values.of(call.args[0], scope) if call.args else None
            if isinstance(given, Workers):
                return sorted_out(given.kind, given.context, call, scope, 1, call.args[1:])
            return None
    return constructed(call, scope, values)


def constructed(call: ast.Call, scope: Scope, values: Values) -> Send | None:
    """Return what the constructor of workers is given."""
    made = values.of(call, scope)
    if isinstance(made, Workers) and made.call is call and made.kind != "manager":
        rest = call.args[BEFORE[made.kind] :]
        return sorted_out(made.kind, made.context, call, scope, 1, rest)
    if isinstance(made, Instance):
        base = values.classes.outside_base(made.scope)
        if isinstance(base, Workers):
            return sorted_out("process", base.context, call, scope, 0, call.args)
    return None


def sorted_out(
    kind: str,
    context: Context,
    call: ast.Call,
    scope: Scope,
    leading: int,
    positional: list[ast.expr],
) -> Send:
    """Sort arguments into functions that run in a worker, and values that go there."""
    functions = positional[:leading]
    arguments = positional[leading:]
    for keyword in call.keywords:
        if keyword.arg in FUNCTIONS_BY_KEYWORD:
            functions.append(keyword.value)
        elif keyword.arg not in NOT_SENT and kind != "pickle":
            arguments.append(keyword.value)
    spot = Spot(scope.module, call)
    return Send(spot, scope, kind, context, tuple(functions), tuple(arguments))


def without_partial(function: ast.expr, scope: Scope, values: Values) -> ast.expr:
    """Return the function inside of `functools.partial`."""
    while (
        isinstance(function, ast.Call)
        and values.of(function.func, scope) == Named("functools.partial")
        and function.args
    ):
        function = function.args[0]
    return function


def run_by(node: ast.expr, send: Send, values: Values) -> Scope | None:
    """Return the function of the code base that a worker runs when it is sent this."""
    function = without_partial(node, send.scope, values)
    return values.classes.function(values.of(function, send.scope))
