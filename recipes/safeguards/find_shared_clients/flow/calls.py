"""What a call does: it runs a function of the code base, makes something, or uses it.

Functions are known by their summaries, which whoever follows whole functions hands in: they are
made on demand, since functions call each other in any order.
"""

import ast
from collections.abc import Callable
from dataclasses import replace

from ..source.module import Scope, Spot
from ..values.inference import Values
from ..values.kinds import (
    Class,
    Client,
    Context,
    Function,
    Instance,
    Method,
    Named,
    Threads,
    Value,
    Workers,
)
from ..values.libraries import SUBPROCESS, forking_option
from .caches import Caches
from .effects import Effects
from .state import Fork, Frame, Made, State, Summary
from .threads import target_of, uses_client

SUBMITS = {"submit", "map"}
ENDS = {"os._exit", "sys.exit", "builtins.exit", "builtins.quit", "os.abort"}
FORKS = {"os.fork", "os.forkpty", "pty.fork"}

Summarize = Callable[[Scope], Summary]


class Calls:
    """Follows calls. `function` gives what a function does, `construct` what a class does."""

    def __init__(
        self, values: Values, effects: Effects, function: Summarize, construct: Summarize
    ) -> None:
        self.values = values
        self.effects = effects
        self.caches = Caches(values)
        self.function = function
        self.construct = construct

    def call(self, node: ast.Call, state: State, frame: Frame) -> bool:
        """Follow one call; return whether the program goes on after it."""
        function = self.values.of(node.func, frame.scope)
        match function:
            case Named(name=name) if name in ENDS:
                return False
            case Function(scope=inner):
                return self.enter(inner, node, state, frame)
            case Method(owner=Instance(scope=inner), name=name) if method := (
                self.values.classes.method(inner, name)
            ):
                return self.enter(method, node, state, frame)
            case Method(owner=Instance(scope=inner), name=name):
                self.use(self.values.classes.outside_base(inner), name, node, state, frame)
            case Method(owner=owner, name=name) if not isinstance(owner, Context):
                self.use(owner, name, node, state, frame)
            case Named() | Class() | Method():
                self.outside(function, node, state, frame)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "run_in_executor":
            self.submit(node.args[:1], node.args[1:], node, state, frame)
        return True

    def enter(self, scope: Scope, node: ast.Call, state: State, frame: Frame) -> bool:
        """Follow a call of a function of the code base."""
        summary = self.function(scope)
        if summary.made and self.caches.is_keyed_by_process(scope, node, frame.scope):
            summary = replace(summary, made=())
        elif summary.made and self.caches.is_cached(scope):
            summary = replace(summary, made=kept(summary, scope.name))
        self.effects.apply(summary, Spot(frame.scope.module, node), state, frame)
        return not summary.ends

    def read(self, node: ast.Attribute, state: State, frame: Frame) -> None:
        """Follow what the reading of an attribute calls: a cached property."""
        if node.attr not in self.caches.attributes:
            return
        owner = self.values.of(node.value, frame.scope)
        if not isinstance(owner, Instance):
            return
        method = self.values.classes.method(owner.scope, node.attr)
        if method and self.caches.is_cached(method):
            summary = Summary(kept(self.function(method), node.attr))
            self.effects.apply(summary, Spot(frame.scope.module, node), state, frame)

    def outside(
        self, function: Named | Class | Method, node: ast.Call, state: State, frame: Frame
    ) -> None:
        """Follow a call that forks, or that constructs something."""
        spot = Spot(frame.scope.module, node)
        match function:
            case Named(name=name) if name in FORKS:
                self.effects.fork(Fork(spot, "fork", spot), state, frame)
                return
            case Named(name=name) if name in SUBPROCESS and forking_option(node):
                self.effects.fork(Fork(spot, "subprocess"), state, frame)
                return
        made = self.values.of(node, frame.scope)
        if isinstance(function, Class) and not isinstance(made, Client):
            self.effects.apply(self.construct(function.scope), spot, state, frame)
            made = self.values.classes.outside_base(function.scope)
        self.begin(made, node, state, frame)

    def begin(self, value: Value | None, node: ast.Call, state: State, frame: Frame) -> None:
        """Keep what a constructor gives: a client, threads, workers."""
        spot = Spot(frame.scope.module, node)
        origins: frozenset[ast.AST] = frozenset({node})
        match value:
            case Client(name=name, is_async=is_async):
                self.effects.add(Made(spot, "client", name, origins, is_async), state)
            case Threads():
                target = target_of(node, frame.scope, self.values)
                uses = bool(target and uses_client(target, self.values))
                if target:
                    self.effects.apply(self.function(target), spot, state, frame)
                made = Made(spot, "threads", "threads", origins, uses_client=uses)
                self.effects.add(made, state)
            case Workers():
                self.effects.start(value, spot, state, frame)

    def use(
        self, owner: Value | None, name: str, node: ast.Call, state: State, frame: Frame
    ) -> None:
        """Follow a call of a method of a client, of threads or of workers."""
        spot = Spot(frame.scope.module, node)
        match owner:
            case Client() if name in ("close", "__exit__", "__aexit__"):
                assert isinstance(node.func, ast.Attribute)
                self.effects.close(node.func.value, spot, state, frame.scope)
            case Threads() if name in SUBMITS:
                assert isinstance(node.func, ast.Attribute)
                self.submit([node.func.value], node.args, node, state, frame)
            case Threads() if name in ("join", "shutdown", "close", "terminate"):
                state.end_threads()
            case Workers(kind="process") if name == "start":
                self.effects.start(owner, spot, state, frame)
            case Workers(kind="executor") if name in SUBMITS:
                self.effects.start_once(owner, spot, state, frame)
            case Workers() if name in ("close", "terminate", "shutdown"):
                state.recurring.clear()

    def submit(
        self,
        executor: list[ast.expr],
        arguments: list[ast.expr],
        node: ast.Call,
        state: State,
        frame: Frame,
    ) -> None:
        """Follow work that is handed to an executor: threads do it in this process."""
        scope = frame.scope
        given = self.values.of(executor[0], scope) if executor else None
        spot = Spot(scope.module, node)
        if isinstance(given, Workers):
            self.effects.start_once(given, spot, state, frame)
        elif isinstance(given, Threads) and arguments:
            target = self.values.classes.function(self.values.of(arguments[0], scope))
            if target:
                self.effects.apply(self.function(target), spot, state, frame)
                if uses_client(target, self.values):
                    self.effects.use_in(given, state)


def kept(summary: Summary, name: str) -> tuple[Made, ...]:
    """Return what a cached function makes: it is spoken of by the name of the function."""
    return tuple(replace(each, kind="cached", name=name) for each in summary.made)
