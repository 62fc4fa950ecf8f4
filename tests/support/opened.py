"""Clients and pools of a recipe, and what closes each of them.

Read from the syntax tree, so what opens one is known by its name.
"""

import ast
from collections.abc import Iterator

OPENS = ("Client", "Executor", "Pool")
"""How the classes are named whose objects are to be closed."""
ENTERS = {"enter_context", "enter_async_context"}
"""Methods of an `ExitStack`, which closes their argument."""
CLOSES = {"close", "shutdown"}


def left_open(text: str) -> list[str]:
    """List what a program opens and may not close: each path out of a block must close it.

    A `with` statement, an `ExitStack` and a `finally` do so. What belongs to a process ends with
    it: what a function keeps in a `global`, or in a cache of its own.
    """
    tree = ast.parse(text)
    kept = {
        id(each)
        for find in (_entered, _of_the_process, _in_the_end, _raised)
        for each in find(tree)
    }
    return [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node).endswith(OPENS) and id(node) not in kept
    ]


def _entered(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is entered, at once or by its name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            yield from (item.context_expr for item in node.items)
            names |= {ast.unparse(item.context_expr) for item in node.items}
        elif isinstance(node, ast.Call) and _name(node) in ENTERS:
            yield from node.args
    yield from _assigned(tree, names)


def _raised(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield errors, such as a `BrokenExecutor`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc:
            yield node.exc


def _in_the_end(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what has a name that a `finally` of the same function closes."""
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        closed = {
            ast.unparse(node.value)
            for each in ast.walk(function)
            if isinstance(each, ast.Try)
            for last in each.finalbody
            for node in ast.walk(last)
            if isinstance(node, ast.Attribute) and node.attr in CLOSES
        }
        yield from _assigned(function, closed)


def _of_the_process(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what lives as long as its process."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        of_process = {
            name
            for node in ast.walk(function)
            if isinstance(node, ast.Global)
            for name in node.names
        }
        yield from _assigned(function, of_process)
        if any(ast.unparse(each) == "cache" for each in function.decorator_list):
            yield from (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _assigned(tree: ast.AST, names: set[str]) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = (
                    zip(target.elts, node.value.elts, strict=False)
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                    else [(target, node.value)]
                )
                yield from (value for name, value in pairs if ast.unparse(name) in names)


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
