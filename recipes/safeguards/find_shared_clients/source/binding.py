"""How a statement binds names: the tables of a scope are filled here and nowhere else.

A name that is bound twice keeps both bindings, because which one holds depends on the run: what
is inferred later takes the one that matters most. Only the shapes that code for clients has are
read (names, written tuples, attributes of `self`, items of a container).
"""

import ast

from .module import FUNCTIONS, Binding, Kind, Scope


def add(name: str, kind: Kind, node: ast.AST, scope: Scope, dotted: str = "") -> None:
    """Bind a name where it lives: here, or where `global` and `nonlocal` say."""
    home = scope
    if name in scope.globals:
        home = scope.module.scope
    elif name in scope.nonlocals:
        found = scope.parent.lookup(name) if scope.parent else None
        home = found[0] if found else scope
    home.bindings.setdefault(name, []).append(Binding(kind, node, scope, dotted))


def bind(target: ast.expr, kind: Kind, value: ast.expr, scope: Scope) -> None:
    """Bind what a target names to a value, item by item where both are written out."""
    match target:
        case ast.Name(id=name):
            add(name, kind, value, scope)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            bind_items(targets, kind, value, scope)
        case ast.Starred(value=inner):
            bind(inner, "value", value, scope)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            if scope.owner and name == scope.first_parameter:
                binding = Binding(kind, value, scope)
                scope.owner.attributes.setdefault(attribute, []).append(binding)
        case ast.Subscript(value=ast.Name(id=name)) if kind == "value":
            container = ast.copy_location(ast.List([value], ast.Load()), value)
            add(name, "value", container, scope)


def bind_items(targets: list[ast.expr], kind: Kind, value: ast.expr, scope: Scope) -> None:
    values: list[ast.expr] = []
    if kind == "value" and isinstance(value, ast.Tuple | ast.List):
        values = value.elts
    starred = any(isinstance(each, ast.Starred) for each in [*targets, *values])
    if values and len(values) == len(targets) and not starred:
        for each, item in zip(targets, values, strict=True):
            bind(each, kind, item, scope)
    else:
        for each in targets:
            bind(each, "element", value, scope)


def bind_parameters(arguments: ast.arguments, scope: Scope) -> None:
    """Bind parameters to their annotations and defaults, else to nothing that is known."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        scope.bindings.setdefault(argument.arg, [])
        if argument.annotation:
            add(argument.arg, "annotation", argument.annotation, scope)
    for rest in (arguments.vararg, arguments.kwarg):
        if rest:
            scope.bindings.setdefault(rest.arg, [])
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    pairs = [
        *zip(with_default, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    for argument, default in pairs:  # a default is evaluated where the function is defined
        if default:
            assert scope.parent
            scope.bindings[argument.arg].append(Binding("value", default, scope.parent))


def declare(node: ast.AST, scope: Scope) -> None:
    """Note the names that a statement, or one in its blocks, declares global or nonlocal."""
    if isinstance(node, ast.Global):
        scope.globals.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.nonlocals.update(node.names)
    elif isinstance(node, ast.stmt) and not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                declare(child, scope)
    elif isinstance(node, ast.ExceptHandler | ast.match_case):
        for statement in node.body:
            declare(statement, scope)
