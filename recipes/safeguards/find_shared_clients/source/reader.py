"""Reads a file into the tables of its scopes, in one pass.

What is done with a node is looked up by its type, for speed: large code bases are mostly nodes
that need nothing. A step into a nested node costs one call, so that deep code that a generator
wrote stays below the limit of recursion.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .binding import add, bind, bind_parameters, declare
from .module import FUNCTIONS, Module, Scope, ScopeNode

LEAVES = frozenset({ast.Constant, ast.Load, ast.Store, ast.Del})


def parse(path: Path, shown: str) -> Module:
    """Read and parse a file.

    Raises SyntaxError, and ValueError or OSError where the file is no text.
    """
    text = path.read_bytes()
    module = Module(path, shown, text, ast.parse(text))
    module.name = name_of(path)
    enter(module.tree, module, None)
    return module


def name_of(path: Path) -> str:
    """Return the dotted name by which the packages around a file call it."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def enter(node: ScopeNode, module: Module, parent: Scope | None) -> None:
    """Read a module, class, function or lambda into a scope of its own."""
    scope = Scope(node, module, parent)
    module.scopes[node] = scope
    if isinstance(node, FUNCTIONS):
        bind_parameters(node.args, scope)
    if isinstance(node, ast.Lambda):
        scope.returned.append(node.body)
        visit(node.body, scope)
        return
    # a name may be declared global after a nested block, so declarations are read first
    for statement in node.body:
        declare(statement, scope)
    for statement in node.body:
        visit(statement, scope)


def visit(node: ast.AST, scope: Scope) -> None:
    """Read a node and those in it."""
    kind = type(node)
    if kind in LEAVES:
        return
    if kind in WHOLE:
        WHOLE[kind](node, scope)
        return
    if kind in NOTED:
        NOTED[kind](node, scope)
    for child in ast.iter_child_nodes(node):
        visit(child, scope)


# Nodes that are read whole: these functions decide what of them is visited


def read_name(node: ast.Name, scope: Scope) -> None:
    if isinstance(node.ctx, ast.Load):
        scope.reads.append(node)


def read_function(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    add(node.name, "definition", node, scope)
    for decorator in node.decorator_list:
        visit(decorator, scope)
    read_lambda(node, scope)


def read_lambda(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> None:
    """Read the defaults where the function is defined, then its body."""
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default:
            visit(default, scope)
    enter(node, scope.module, scope)


def read_class(node: ast.ClassDef, scope: Scope) -> None:
    add(node.name, "definition", node, scope)
    for part in (*node.decorator_list, *node.bases, *node.keywords):
        visit(part, scope)
    enter(node, scope.module, scope)


def read_import(node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        scope.module.imported.append(alias.name)
        name = alias.asname or alias.name.partition(".")[0]
        add(name, "import", node, scope, alias.name if alias.asname else name)


def read_import_from(node: ast.ImportFrom, scope: Scope) -> None:
    module = scope.module
    source = module.absolute(node.module or "", node.level)
    module.imported.append(source)
    for alias in node.names:
        if alias.name == "*":
            module.stars.append(source)
            continue
        dotted = f"{source}.{alias.name}"
        module.imported.append(dotted)
        add(alias.asname or alias.name, "import", node, scope, dotted)


def read_annotated(node: ast.AnnAssign, scope: Scope) -> None:
    if node.value:
        bind(node.target, "value", node.value, scope)
        visit(node.value, scope)
    else:
        bind(node.target, "annotation", node.annotation, scope)


# Nodes of which something is noted before those in them are visited


def note_call(node: ast.Call, scope: Scope) -> None:
    scope.calls.append(node)


def note_assignment(node: ast.Assign, scope: Scope) -> None:
    for target in node.targets:
        bind(target, "value", node.value, scope)


def note_named_expression(node: ast.NamedExpr, scope: Scope) -> None:
    bind(node.target, "value", node.value, scope)


def note_loop(node: ast.For | ast.AsyncFor | ast.comprehension, scope: Scope) -> None:
    bind(node.target, "element", node.iter, scope)


def note_entered(node: ast.withitem, scope: Scope) -> None:
    if node.optional_vars:
        bind(node.optional_vars, "entered", node.context_expr, scope)


def note_returned(node: ast.Return, scope: Scope) -> None:
    if node.value:
        scope.returned.append(node.value)


def note_yielded(node: ast.Yield, scope: Scope) -> None:
    if node.value:
        scope.yielded.append(node.value)


Reads = dict[type[ast.AST], Callable[[Any, Scope], None]]
WHOLE: Reads = {
    ast.Name: read_name,
    ast.FunctionDef: read_function,
    ast.AsyncFunctionDef: read_function,
    ast.Lambda: read_lambda,
    ast.ClassDef: read_class,
    ast.Import: read_import,
    ast.ImportFrom: read_import_from,
    ast.AnnAssign: read_annotated,
}
NOTED: Reads = {
    ast.Call: note_call,
    ast.Assign: note_assignment,
    ast.NamedExpr: note_named_expression,
    ast.For: note_loop,
    ast.AsyncFor: note_loop,
    ast.comprehension: note_loop,
    ast.withitem: note_entered,
    ast.Return: note_returned,
    ast.Yield: note_yielded,
}
