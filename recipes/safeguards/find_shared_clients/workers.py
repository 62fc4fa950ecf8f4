"""What is handed to workers, and which functions run in them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .modules import Binding, Scope, Spot
from .values import (
    Client,
    Context,
    Function,
    Holding,
    Instance,
    Method,
    Named,
    Result,
    Value,
    Values,
    Workers,
)

POOL_TASKS = {
    "apply": 1, "apply_async": 1, "imap": 1, "imap_unordered": 1, "map": 1, "map_async": 1,
    "starmap": 1, "starmap_async": 1,
}  # fmt: skip
EXECUTOR_TASKS = {"map", "submit"}
NOT_SENT = {"callback", "chunksize", "context", "daemon", "error_callback", "max_tasks_per_child"}
NOT_SENT |= {"max_workers", "maxtasksperchild", "mp_context", "name", "processes", "timeout"}
FUNCTIONS_BY_KEYWORD = {"func", "fn", "initializer", "target"}
QUEUES = {"put", "put_nowait", "send"}
PICKLES = {
    f"{library}.{name}"
    for library in ("pickle", "cPickle", "dill", "cloudpickle", "joblib")
    for name in ("dump", "dumps")
} | {"copy.deepcopy", "copy.copy"}
CHILD_HOOKS = {"post_fork", "post_worker_init"}
CHILD_SIGNALS = {
    "celery.signals.worker_process_init.connect",
    "uwsgidecorators.postfork",
}


@dataclass(frozen=True)
class Send:
    """One call that hands a function and arguments to workers, or pickles something."""

    spot: Spot
    scope: Scope
    kind: str
    context: Context
    functions: tuple[ast.expr, ...]
    arguments: tuple[ast.expr, ...]


@dataclass(frozen=True)
class Capture:
    """A name in a worker's function that is a client of an enclosing function or module."""

    spot: Spot
    name: str
    home: Scope
    bindings: tuple[Binding, ...]


class Sends:
    """All that the code base hands to workers."""

    def __init__(self, values: Values) -> None:
        self.values = values

    @cached_property
    def all(self) -> list[Send]:
        return [
            send
            for module in self.values.code.modules
            for scope in module.scopes.values()
            for call in scope.calls
            if (send := self.of(call, scope))
        ]

    def of(self, call: ast.Call, scope: Scope) -> Send | None:
        """Return what a call sends."""
        function = self.values.of(call.func, scope)
        match function:
            case Named(name=name) if name in PICKLES:
                return self.send("pickle", Context(None), call, scope, 0, call.args[:1])
            case Method(owner=Workers(kind=kind, context=context), name=name) if (
                kind == "pool" and name in POOL_TASKS
            ) or (kind == "executor" and name in EXECUTOR_TASKS):
                return self.send(kind, context, call, scope, 1, call.args)
            case Method(owner=Result(name=name), name=method) if (
                name.startswith("multiprocessing.") and method in QUEUES
            ):
                return self.send("queue", Context(None), call, scope, 0, call.args)
            case Method(name="run_in_executor") | None | Method() if (
                isinstance(call.func, ast.Attribute) and call.func.attr == "run_in_executor"
            ):
                given = self.values.of(call.args[0], scope) if call.args else None
                if isinstance(given, Workers):
                    return self.send(given.kind, given.context, call, scope, 1, call.args[1:])
                return None
        made = self.values.of(call, scope)
        if isinstance(made, Workers) and made.call is call and made.kind != "manager":
            # what comes by position: Process(group, target), Pool(n, f), Executor(n, context, f)
            before = {"process": 1, "pool": 1, "executor": 2}[made.kind]
            return self.send(made.kind, made.context, call, scope, 1, call.args[before:])
        if isinstance(made, Instance):
            base = self.values.outside_base(made.scope)
            if isinstance(base, Workers):
                return self.send("process", base.context, call, scope, 0, call.args)
        return None

    def send(
        self,
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

    def partial(self, function: ast.expr, scope: Scope) -> ast.expr:
        """Return the function inside of `functools.partial`."""
        while (
            isinstance(function, ast.Call)
            and self.values.of(function.func, scope) == Named("functools.partial")
            and function.args
        ):
            function = function.args[0]
        return function

    def function(self, value: Value | None) -> Scope | None:
        match value:
            case Function(scope=scope):
                return scope
            case Method(owner=Instance(scope=owner), name=name):
                return self.values.method(owner, name)
        return None

    @cached_property
    def roots(self) -> frozenset[Scope]:
        """The functions that run in workers, each as it was handed to them."""
        found: set[Scope] = set()
        for send in self.all:
            for each in send.functions:
                value = self.values.of(self.partial(each, send.scope), send.scope)
                if function := self.function(value):
                    found.add(function)
        for module in self.values.code.modules:
            for scope in module.scopes.values():
                found.update(self.hooks(scope))
        return frozenset(found)

    def hooks(self, scope: Scope) -> Iterator[Scope]:
        """Yield the functions that a framework, or a fork, calls in the child."""
        if scope.is_function and (scope.name in CHILD_HOOKS or self.is_task(scope)):
            yield scope
        for decorator in scope.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            named = self.values.of(target, scope.parent or scope)
            if isinstance(named, Named) and named.name in CHILD_SIGNALS:
                yield scope
        is_class = isinstance(scope.node, ast.ClassDef)
        if is_class and isinstance(self.values.outside_base(scope), Workers):
            run = self.values.method(scope, "run")
            yield from [run] if run else []
        for call in scope.calls:
            if self.values.of(call.func, scope) == Named("os.register_at_fork"):
                for keyword in call.keywords:
                    function = self.function(self.values.of(keyword.value, scope))
                    if keyword.arg == "after_in_child" and function:
                        yield function

    def is_task(self, scope: Scope) -> bool:
        """Say whether a function is a task of Celery."""
        for decorator in scope.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            match self.values.of(target, scope.parent or scope):
                case Named(name="celery.shared_task"):
                    return True
                case Method(owner=Result(name="celery.Celery"), name="task"):
                    return True
        return False

    @cached_property
    def callers(self) -> dict[Scope, set[Scope]]:
        """Those that call each function."""
        found: dict[Scope, set[Scope]] = {}
        for module in self.values.code.modules:
            for scope in module.scopes.values():
                for call in scope.calls:
                    if function := self.function(self.values.of(call.func, scope)):
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

    def captures(self, scope: Scope, seen: set[Scope]) -> Iterator[Capture]:
        """Yield the clients that a function takes from around it, itself or by what it calls."""
        seen.add(scope)
        inside = [each for each in scope.module.scopes.values() if is_within(each, scope)]
        yield from self.defaults(scope)
        for inner in inside:
            for name in inner.reads:
                found = inner.lookup(name.id)
                if not found or is_within(found[0], scope) or (found[0] is scope):
                    continue
                home, bindings = found
                value = self.values.named(name.id, inner)
                if isinstance(value, Client | Holding) or (
                    isinstance(value, Instance) and home.is_function and self.values.held(value)
                ):
                    yield Capture(Spot(inner.module, name), name.id, home, tuple(bindings))
            for call in inner.calls:
                function = self.function(self.values.of(call.func, inner))
                if function and function not in seen and not is_within(function, scope):
                    yield from self.captures(function, seen)

    def defaults(self, scope: Scope) -> Iterator[Capture]:
        """A default of a parameter is evaluated in the process that defines the function."""
        if not isinstance(scope.node, ast.Module | ast.ClassDef) and scope.parent:
            for default in (*scope.node.args.defaults, *scope.node.args.kw_defaults):
                if default and self.values.held(self.values.of(default, scope.parent)):
                    spot = Spot(scope.module, default)
                    yield Capture(spot, ast.unparse(default), scope.parent, ())


def is_within(scope: Scope | None, outer: Scope) -> bool:
    """Say whether a scope is another one, or nested in it."""
    while scope and scope is not outer:
        scope = scope.parent
    return scope is outer
