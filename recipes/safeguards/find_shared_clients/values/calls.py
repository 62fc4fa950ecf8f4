"""What calls give: clients, workers with their start method, threads, what functions return.

How workers start is part of what they are, because fork alone is a fault: so a context is
followed from where it is chosen to the pool, executor or process that is given it.
"""

import ast
from dataclasses import replace

from ..source.module import Scope, Spot
from .classes import Classes
from .functions import Functions
from .holders import Holders
from .kinds import (
    DEFAULT,
    Context,
    Function,
    Infer,
    Instance,
    Method,
    Named,
    Result,
    Text,
    Value,
    Workers,
)
from .libraries import PASSED_ON, WORKERS, given_context, is_none


class Calls:
    """Says what a call gives."""

    def __init__(
        self, infer: Infer, classes: Classes, functions: Functions, holders: Holders
    ) -> None:
        self.infer = infer
        self.classes = classes
        self.functions = functions
        self.holders = holders

    def called(self, call: ast.Call, scope: Scope) -> Value | None:
        function = self.infer(call.func, scope)
        made = self.classes.instance(function, call, self.context(call, scope))
        if made:
            if isinstance(made, Workers) and made.kind == "executor":
                return self.recycling(made, call)
            return made
        match function:
            case Named(name="multiprocessing.get_context"):
                return self.chosen(call, scope)
            case Named(name=name) if name in PASSED_ON:
                values = [*call.args, *(keyword.value for keyword in call.keywords)]
                return self.holders.holding(values, scope) or Result(name)
            case Named(name=name):
                held = self.holders.holding(call.args, scope)
                return held if held and name.endswith("Stub") else Result(name)
            case Method(owner=Context() | Result() as owner, name=name):
                start = owner.name if isinstance(owner, Result) else "multiprocessing"
                return Result(f"{start}.{name}")
            case Method(owner=Instance(scope=owner), name=name):
                found = self.classes.method(owner, name)
                return self.functions.returned(found) if found else None
            case Function(scope=inner):
                return self.functions.returned(inner)
        return None

    def recycling(self, made: Workers, call: ast.Call) -> Workers:
        """An executor whose workers are replaced never forks unless it is told to."""
        names = {keyword.arg for keyword in call.keywords}
        if "max_tasks_per_child" in names and given_context(call, "executor") is None:
            return replace(made, context=Context("spawn"))
        return made

    def context(self, call: ast.Call, scope: Scope) -> Context:
        """Return the multiprocessing context that a call is given."""
        function = self.infer(call.func, scope)
        kind = WORKERS.get(function.name) if isinstance(function, Named) else None
        node = given_context(call, kind)
        if node is None:
            return DEFAULT
        given = self.infer(node, scope)
        if isinstance(given, Context):
            return given
        return DEFAULT if given == Named("multiprocessing") or is_none(node) else Context(None)

    def chosen(self, call: ast.Call, scope: Scope) -> Context:
        """Return the context that `get_context` gives."""
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not arguments:
            return DEFAULT
        method = self.infer(arguments[0], scope)
        if isinstance(method, Text):
            return Context(method.text, Spot(scope.module, call))
        return Context(None)
