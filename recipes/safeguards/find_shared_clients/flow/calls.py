"""What a call does: it runs a function of the code base, or goes out of it.

Functions are known by their summaries, which whoever follows whole functions hands in: they are
made on demand, since functions call each other in any order.
"""

import ast
from dataclasses import replace

from ..source.module import Scope, Spot
from ..values.inference import Values
from ..values.kinds import Class, Context, Function, Instance, Method, Named
from .caches import Caches
from .effects import Effects
from .outside import Outside
from .state import Frame, Made, State, Summarize, Summary

ENDS = {"os._exit", "sys.exit", "builtins.exit", "builtins.quit", "os.abort"}


class Calls:
    """Follows calls. `function` sums up what a function of the code base does."""

    def __init__(
        self, values: Values, effects: Effects, outside: Outside, function: Summarize
    ) -> None:
        self.values = values
        self.effects = effects
        self.outside = outside
        self.caches = Caches(values)
        self.function = function

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
                self.outside.use(self.values.classes.outside_base(inner), name, node, state, frame)
            case Method(owner=owner, name=name) if not isinstance(owner, Context):
                self.outside.use(owner, name, node, state, frame)
            case Named() | Class() | Method():
                self.outside.construct(function, node, state, frame)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "run_in_executor":
            self.outside.submit(node.args[:1], node.args[1:], node, state, frame)
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


def kept(summary: Summary, name: str) -> tuple[Made, ...]:
    """Return what a cached function makes: it is spoken of by the name of the function."""
    return tuple(replace(each, kind="cached", name=name) for each in summary.made)
