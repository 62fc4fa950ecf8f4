"""Follows expressions in the order in which Python evaluates them.

Only calls and attributes do something. What is nested in a node is evaluated before it, which is
Python's own order but for comprehensions, where the loops come first.
"""

import ast
from collections.abc import Iterable

from ..source.module import FUNCTIONS
from .calls import Calls
from .state import Frame, State

PASSIVE = (*FUNCTIONS, ast.Constant, ast.Name, ast.expr_context, ast.operator, ast.cmpop)


class Expressions:
    """Follows what expressions call."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    def evaluate(
        self, nodes: Iterable[ast.AST | None], state: State | None, frame: Frame
    ) -> State | None:
        """Follow the calls of expressions, in the order of their evaluation."""
        for node in nodes:
            if state is None:
                break
            if node is None or isinstance(node, PASSIVE):
                continue
            state = self.evaluate(evaluated(node), state, frame)
            if state is None:
                break
            if isinstance(node, ast.Call):
                state = state if self.calls.call(node, state, frame) else None
            elif isinstance(node, ast.Attribute):
                self.calls.read(node, state, frame)
        return state


def evaluated(node: ast.AST) -> Iterable[ast.AST]:
    """Give the parts of an expression, in the order of their evaluation."""
    match node:
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return [*node.generators, node.elt]
        case ast.DictComp():
            return [*node.generators, node.key, node.value]
    return ast.iter_child_nodes(node)
