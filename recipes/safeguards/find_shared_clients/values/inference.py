"""Infers what expressions are, from what names are bound to.

The order of statements plays no part here; the flow adds it. Everything is inferred on demand
and once, and what depends on itself is not known. The parts that know of names, classes, calls
and containers ask each other by way of `of`, so that none needs to import another in a circle.
"""

import ast
from collections.abc import Iterable, Sequence

from ..source.code_base import CodeBase
from ..source.module import Scope
from .calls import Calls
from .classes import Classes
from .functions import Functions
from .holders import Holders
from .kinds import Function, Holding, Text, Value, best
from .names import Names


class Values:
    """What the expressions of a code base are; `clients` are further names that give a client."""

    def __init__(self, code: CodeBase, clients: Iterable[str] = ()) -> None:
        self.code = code
        self.classes = Classes(self.of, frozenset(clients))
        self.functions = Functions(self.of, self.classes)
        self.names = Names(code, self.of, self.classes, self.functions)
        self.holders = Holders(self.of, self.names.bound, self.classes)
        self.calls = Calls(self.of, self.classes, self.functions, self.holders)
        self._known: dict[tuple[ast.AST, Scope], Value | None] = {}

    def of(self, node: ast.AST | None, scope: Scope) -> Value | None:
        """Return what an expression is, or None where that is not known."""
        if node is None:
            return None
        if (node, scope) not in self._known:
            self._known[node, scope] = None  # what depends on itself is not known
            self._known[node, scope] = self._infer(node, scope)
        return self._known[node, scope]

    def _infer(self, node: ast.AST, scope: Scope) -> Value | None:
        match node:
            case ast.Name(id=name):
                return self.names.named(name, scope)
            case ast.Attribute(value=base, attr=name):
                return self.names.attribute(self.of(base, scope), name, scope)
            case ast.Call():
                return self.calls.called(node, scope)
            case ast.Constant(value=str(text)):
                return Text(text)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.of(inner, scope)
            case ast.Starred(value=inner) | ast.YieldFrom(value=inner):
                return self.of(inner, scope)
            case ast.IfExp(body=first, orelse=second):
                return best([self.of(first, scope), self.of(second, scope)])
            case ast.BoolOp(values=operands):
                return best(self.of(each, scope) for each in operands)
            case ast.Lambda():
                read = scope.module.scopes.get(node)  # those of annotations are not
                return Function(read) if read else None
            case ast.Subscript(value=container):
                held = self.of(container, scope)
                return held.client if isinstance(held, Holding) else None
        return self.holders.holding(contents(node), scope)

    def items(self, node: ast.expr, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        """Return what a written list or tuple holds, here or where its name is bound."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [(item, scope) for item in items]
            case ast.Name(id=name) if found := scope.lookup(name):
                return [
                    item
                    for binding in found[1]
                    if isinstance(binding.node, ast.List | ast.Tuple | ast.Set)
                    for item in self.items(binding.node, binding.scope)
                ]
        return []


def contents(node: ast.AST) -> Sequence[ast.expr]:
    """Give the expressions whose values a container keeps."""
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return items
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Dict(values=items):
            return items
        case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
            return [item]
        case ast.DictComp(value=item):
            return [item]
    return ()
