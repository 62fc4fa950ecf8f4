"""What the functions of the code base give back.

Their statements come before their annotation: these say which client, where an annotation often
names a base class or nothing at all.
"""

import ast

from ..source.module import Scope
from .classes import Classes
from .kinds import DEFAULT, Function, Infer, Named, Value, best


class Functions:
    """Says what functions return, yield and are annotated with."""

    def __init__(self, infer: Infer, classes: Classes) -> None:
        self.infer = infer
        self.classes = classes

    def returned(self, scope: Scope) -> Value | None:
        """Return what a function gives back, by its statements or else its annotation."""
        found = best(self.infer(each, scope) for each in scope.returned)
        annotation = getattr(scope.node, "returns", None)
        return found or (self.annotated(annotation, scope.parent or scope) if annotation else None)

    def entered(self, node: ast.AST, scope: Scope) -> Value | None:
        """Return what `with` gives for a context manager: most give themselves."""
        if isinstance(node, ast.Call):
            function = self.infer(node.func, scope)
            if isinstance(function, Function) and function.scope.yielded:
                inner = function.scope
                return best(self.infer(each, inner) for each in inner.yielded)
        return self.infer(node, scope)

    def annotated(self, node: ast.AST, scope: Scope) -> Value | None:
        """Return an instance of the class that an annotation names, or of one of them."""
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.annotated(ast.parse(text, mode="eval").body, scope)
                except SyntaxError:
                    return None
            case ast.BinOp(left=left, right=right):
                return best([self.annotated(left, scope), self.annotated(right, scope)])
            case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional")):
                return self.annotated(node.slice, scope)
            case ast.Name() | ast.Attribute():
                return self.classes.instance(self.infer(node, scope), node, DEFAULT)
        return None

    def is_property(self, scope: Scope) -> bool:
        named = [self.infer(each, scope.parent or scope) for each in scope.decorators]
        return any(
            isinstance(each, Named) and each.name.rpartition(".")[2].endswith("property")
            for each in named
        )

    def is_classmethod(self, scope: Scope) -> bool:
        return any(
            isinstance(each, ast.Name) and each.id == "classmethod" for each in scope.decorators
        )
