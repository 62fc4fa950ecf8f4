"""Follows statements in the order in which Python runs them.

Branches are followed apart and joined, a loop twice because what one round leaves is there in
the next. Each method returns the state after what it follows, or None where no path leads on.
The methods call each other directly: a step more for each nested statement would lower how deep
code may be nested.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..source.module import Module, Spot
from ..values.inference import Values
from ..values.kinds import Client, Threads, Workers
from .effects import Effects
from .expressions import Expressions
from .state import Frame, State, Summary

TryStar: type[ast.Try] = getattr(ast, "TryStar", ast.Try)  # `except*` came with Python 3.11


class Statements:
    """Follows statements. `imported` gives what the import of a module does."""

    def __init__(
        self,
        values: Values,
        effects: Effects,
        expressions: Expressions,
        imported: Callable[[Module], Summary],
    ) -> None:
        self.values = values
        self.effects = effects
        self.expressions = expressions
        self.imported = imported

    def block(self, body: list[ast.stmt], state: State | None, frame: Frame) -> State | None:
        for statement in body:
            if state is None:
                break
            follow = FOLLOWED.get(type(statement), Statements.other)
            state = follow(self, statement, state, frame)
        return state

    def other(self, node: ast.stmt, state: State, frame: Frame) -> State | None:
        return self.expressions.evaluate(ast.iter_child_nodes(node), state, frame)

    def define(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, state: State, frame: Frame
    ) -> State | None:
        defaults = (*node.args.defaults, *node.args.kw_defaults)
        return self.expressions.evaluate((*node.decorator_list, *defaults), state, frame)

    def define_class(self, node: ast.ClassDef, state: State, frame: Frame) -> State | None:
        after = self.expressions.evaluate((*node.decorator_list, *node.bases), state, frame)
        inner = replace(frame, scope=frame.scope.module.scopes[node])
        return self.block(node.body, after, inner)

    def go_back(self, node: ast.Return, state: State, frame: Frame) -> None:
        if after := self.expressions.evaluate((node.value,), state, frame):
            frame.returned.append(after)

    def fail(self, node: ast.Raise, state: State, frame: Frame) -> None:
        self.expressions.evaluate((node.exc, node.cause), state, frame)

    def leave_loop(self, node: ast.Continue | ast.Break, state: State, frame: Frame) -> None:
        """No path leads on: what a loop has done is joined at its end anyway."""

    def branch(self, node: ast.If, state: State, frame: Frame) -> State | None:
        if is_for_types(node.test) or (is_guard(node.test) and not frame.guarded):
            return self.block(node.orelse, state, frame)
        after = self.expressions.evaluate((node.test,), state, frame)
        if after is None:
            return None
        return joined([self.block(body, after.copy(), frame) for body in (node.body, node.orelse)])

    def match(self, node: ast.Match, state: State, frame: Frame) -> State | None:
        after = self.expressions.evaluate((node.subject,), state, frame)
        copies = [after.copy() for _ in node.cases] if after else []
        cases = zip(node.cases, copies, strict=False)
        return joined([after, *(self.block(each.body, s, frame) for each, s in cases)])

    def loop(
        self, node: ast.For | ast.AsyncFor | ast.While, state: State, frame: Frame
    ) -> State | None:
        head = node.test if isinstance(node, ast.While) else node.iter
        after = self.expressions.evaluate((head,), state, frame)
        if after is None:
            return None
        for _ in range(2):  # what one round leaves is there in the next
            after.merge(self.block(node.body, after.copy(), frame))
        return self.block(node.orelse, after, frame)

    def enter(self, node: ast.With | ast.AsyncWith, state: State, frame: Frame) -> State | None:
        contexts = [item.context_expr for item in node.items]
        returned = len(frame.returned)
        end = self.block(node.body, self.expressions.evaluate(contexts, state, frame), frame)
        for each in [*frame.returned[returned:], *([end] if end else [])]:
            for context in reversed(contexts):
                self.leave(context, each, frame)
        return end

    def leave(self, context: ast.expr, state: State, frame: Frame) -> None:
        """At its end, a `with` statement closes its client, and waits for threads and workers."""
        scope = frame.scope
        match self.values.of(context, scope):
            case Client():
                self.effects.close(context, Spot(scope.module, context), state, scope)
            case Threads():
                state.end_threads()
            case Workers():
                state.recurring.clear()

    def attempt(self, node: ast.Try, state: State, frame: Frame) -> State | None:
        returned = len(frame.returned)
        body = self.block(node.body, state.copy(), frame)
        failed = state.copy()
        failed.merge(body)
        handled = [self.block(each.body, failed.copy(), frame) for each in node.handlers]
        end = joined([self.block(node.orelse, body, frame), *handled])
        for each in frame.returned[returned:]:
            self.block(node.finalbody, each, frame)
        return self.block(node.finalbody, end, frame)

    def take_in(self, node: ast.Import | ast.ImportFrom, state: State, frame: Frame) -> State:
        """Follow an import: what it executes happens here."""
        module = frame.scope.module
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            source = module.absolute(node.module or "", node.level)
            names = [source, *(f"{source}.{name}" for name in names)]
        for name in names:
            for other in self.values.code.prefixes(name, module):
                if other is not module:
                    self.effects.apply(self.imported(other), None, state, frame)
        return state


FOLLOWED: dict[type[ast.stmt], Callable[[Statements, Any, State, Frame], State | None]] = {
    ast.FunctionDef: Statements.define,
    ast.AsyncFunctionDef: Statements.define,
    ast.ClassDef: Statements.define_class,
    ast.Import: Statements.take_in,
    ast.ImportFrom: Statements.take_in,
    ast.Return: Statements.go_back,
    ast.Raise: Statements.fail,
    ast.Continue: Statements.leave_loop,
    ast.Break: Statements.leave_loop,
    ast.If: Statements.branch,
    ast.Match: Statements.match,
    ast.For: Statements.loop,
    ast.AsyncFor: Statements.loop,
    ast.While: Statements.loop,
    ast.With: Statements.enter,
    ast.AsyncWith: Statements.enter,
    ast.Try: Statements.attempt,
    TryStar: Statements.attempt,
}


def joined(states: Iterable[State | None]) -> State | None:
    """Return what may exist after any of several paths."""
    reached = [state for state in states if state]
    for other in reached[1:]:
        reached[0].merge(other)
    return reached[0] if reached else None


def is_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def is_guard(test: ast.expr) -> bool:
    """Say whether a condition is `__name__ == "__main__"`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {getattr(side, "id", getattr(side, "value", None)) for side in (left, right)}
            return sides == {"__name__", "__main__"}
    return False
