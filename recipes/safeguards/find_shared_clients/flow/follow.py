"""Follows whole functions, imports and programs, each once.

What a function does is summed up when it is first called and then only applied, so that a code
base is followed in about linear time. A recursion and an import cycle find what is there so far.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace

from ..source.module import Module, Scope
from ..values.inference import Values
from ..values.kinds import Context
from .calls import Calls
from .effects import Effects
from .expressions import Expressions
from .outside import Outside
from .state import Frame, Order, State, Summary
from .statements import Statements, is_guard


class Flow:
    """Follows the code of all modules, and keeps the order of what it makes and forks.

    `methods` says how each module's workers start where their code does not.
    """

    def __init__(self, values: Values, methods: Mapping[Module, Context]) -> None:
        self.values = values
        self.order = Order()
        effects = Effects(values, methods, self.order)
        outside = Outside(values, effects, self.function, self.instance)
        calls = Calls(values, effects, outside, self.function)
        self.statements = Statements(values, effects, Expressions(calls), self.imported)
        self._functions: dict[Scope, Summary] = {}
        self._imports: dict[Module, Summary] = {}

    def imported(self, module: Module) -> Summary:
        """Follow what the import of a module executes."""
        if module not in self._imports:
            self._imports[module] = Summary()  # an import cycle finds what is there so far
            summary = self.follow(Frame(module.scope, guarded=False), State())
            made = tuple(replace(each, imported=True) for each in summary.made)
            closed = tuple(replace(each, imported=True) for each in summary.closed)
            self._imports[module] = replace(summary, made=made, closed=closed)
        return self._imports[module]

    def program(self, module: Module) -> Summary:
        """Follow a module that is started as a program: after its import, its guarded part."""
        frame = Frame(module.scope)
        guarded = [each for each in module.tree.body if isinstance(each, ast.If)]
        body: list[ast.stmt] = [each for each in guarded if is_guard(each.test)]
        covers = self.imported(module).covers
        return self.follow(frame, self.after_import(module), body, covers)

    def function(self, scope: Scope) -> Summary:
        """Follow a function from its beginning."""
        if scope not in self._functions:
            self._functions[scope] = Summary()  # so does a recursion
            self._functions[scope] = self.follow(Frame(scope), State())
        return self._functions[scope]

    def entered_later(self, scope: Scope) -> Summary:
        """Follow a function that is called after the import of its module, by whoever."""
        state = self.after_import(scope.module)
        if scope.owner and scope.name not in ("__init__", "__post_init__"):
            constructed = self.instance(scope.owner)
            state.made.update(dict.fromkeys(constructed.made))
            state.started.update(dict.fromkeys(constructed.started))
        return self.follow(Frame(scope), state)

    def after_import(self, module: Module) -> State:
        imported = self.imported(module)
        state = State(dict.fromkeys(imported.made))
        state.closed.update({each: each.spot for each in imported.closed})
        state.started.update(dict.fromkeys(imported.started))
        return state

    def instance(self, scope: Scope) -> Summary:
        """Follow the construction of an instance."""
        for name in ("__init__", "__post_init__"):
            if method := self.values.classes.method(scope, name):
                return self.function(method)
        return Summary()

    def follow(
        self,
        frame: Frame,
        state: State,
        body: list[ast.stmt] | None = None,
        covers: frozenset[Scope] = frozenset(),
    ) -> Summary:
        """Follow statements, by default all of a scope; `covers` are followed already."""
        before = {*state.made, *state.closed}
        end = self.statements.block(frame.scope.body if body is None else body, state, frame)
        ends = [*frame.returned, end] if end else frame.returned
        after = State()
        for each in ends:
            after.merge(each)
        covers = frozenset({frame.scope, *frame.covers, *covers})
        for fork in frame.forks:
            self.order.ordered.setdefault(fork, set()).update(covers)
        return Summary(
            made=tuple(each for each in after.made if each not in before),
            closed=tuple(each for each in after.closed if each not in before),
            forks=tuple(frame.forks),
            covers=covers,
            started=tuple(after.started),
            ends=not ends,
        )
