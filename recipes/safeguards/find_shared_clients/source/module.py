"""A module and its scopes, as plain data.

Everything that follows asks two questions, what a name is bound to and where an import leads.
So a tree is read once, into tables of bindings, and never walked for a name again. A scope knows
its module and a module its scopes, which is why both stand in one file.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

ScopeNode = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

Kind = Literal["value", "element", "entered", "annotation", "import", "definition"]


@dataclass(frozen=True)
class Spot:
    """A place in the code."""

    module: "Module"
    node: ast.AST


@dataclass(frozen=True, eq=False)
class Binding:
    """One way in which a name gets its value: `kind` says what `node` is to it.

    An `element` is an item of the node, `entered` is what a `with` statement gives.
    `scope` is where the node is evaluated, which for a `global` is not where the name lives.
    """

    kind: Kind
    node: ast.AST
    scope: "Scope"
    dotted: str = ""


@dataclass(eq=False)
class Scope:
    """A module, class, function or lambda: its names, and what it holds."""

    node: ScopeNode
    module: "Module"
    parent: "Scope | None" = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    returned: list[ast.expr] = field(default_factory=list)
    yielded: list[ast.expr] = field(default_factory=list)
    reads: list[ast.Name] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "lambda")

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, FUNCTIONS)

    @property
    def owner(self) -> "Scope | None":
        """The class whose method this is."""
        parent = self.parent if self.is_function else None
        return parent if parent and isinstance(parent.node, ast.ClassDef) else None

    @property
    def decorators(self) -> list[ast.expr]:
        return getattr(self.node, "decorator_list", [])

    @property
    def body(self) -> list[ast.stmt]:
        if isinstance(self.node, ast.Lambda):
            return [ast.Expr(self.node.body)]
        return self.node.body

    @property
    def first_parameter(self) -> str | None:
        if isinstance(self.node, ast.Module | ast.ClassDef):
            return None
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        return arguments[0].arg if arguments else None

    def lookup(self, name: str) -> "tuple[Scope, list[Binding]] | None":
        """Find a name as Python does: here, in enclosing functions, in the module."""
        scope: Scope | None = self.module.scope if name in self.globals else self
        while scope:
            visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if visible and name in scope.bindings:
                return scope, scope.bindings[name]
            scope = scope.parent
        return None

    def is_within(self, outer: "Scope") -> bool:
        """Say whether this scope is another one, or nested in it."""
        scope: Scope | None = self
        while scope and scope is not outer:
            scope = scope.parent
        return scope is outer

    def own_nodes(self) -> Iterator[ast.AST]:
        """Yield the nodes of this scope without those of the scopes in it."""
        waiting: list[ast.AST] = [*self.body]
        while waiting:
            node = waiting.pop()
            yield node
            if node not in self.module.scopes:
                waiting.extend(ast.iter_child_nodes(node))


@dataclass(eq=False)
class Module:
    """One file, parsed."""

    path: Path
    shown: str
    text: bytes
    tree: ast.Module
    name: str = ""
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    imported: list[str] = field(default_factory=list)
    stars: list[str] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return self.scopes[self.tree]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def folder(self) -> str:
        return str(self.path.parent)

    @cached_property
    def lines(self) -> list[str]:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(self.text).readline)
        return io.TextIOWrapper(io.BytesIO(self.text), encoding).read().splitlines()

    def column(self, line: int, offset: int) -> int:
        """Turn an offset in UTF-8 bytes, which `ast` counts in, into a column that starts at 1."""
        return len(self.lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1

    def absolute(self, dotted: str, level: int) -> str:
        """Return the absolute name of a relative import."""
        if not level:
            return dotted
        parts = self.name.split(".")
        parts = parts[: len(parts) - level + self.is_package]
        return ".".join([*parts, dotted] if dotted else parts)
