"""Waits of a recipe for a future, a process, a queue or a pipe that nothing ends but their answer.

A worker may die with what was asked of it, or hang: who waits for it without a limit waits for
ever. Read from the syntax tree, so a wait is known by the name of what is called.
"""

import ast
from collections.abc import Iterator

LIMIT_IS = {
    "acquire": 2, "as_completed": 2, "communicate": 2, "exception": 1, "get": 2, "join": 1,
    "map": 9, "next": 1, "recv": 1, "result": 1, "select": 1, "wait": 2,
}  # fmt: skip
"""How many arguments give such a call a limit, where it is not named `timeout`."""
ITSELF = {"communicate", "exception", "get", "join", "next", "recv", "result", "select"}
"""Those that wait for what they are called on, and take no argument but a limit."""
OF_WORKERS = {"map"}
"""Those that wait for processes only where they are called on `workers`."""


def endless(text: str) -> list[str]:
    """List the waits of a recipe that have no limit, as they stand there."""
    return [ast.unparse(call) for call in _waits(ast.parse(text)) if not _has_limit(call)]


def _waits(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _name(node)) in LIMIT_IS:
            on = node.func.value if isinstance(node.func, ast.Attribute) else None
            if name in OF_WORKERS and not (isinstance(on, ast.Name) and on.id == "workers"):
                continue
            if name in ITSELF and node.args:
                continue  # with a limit, or `" ".join(words)`, or `names.get(name)`
            yield node


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _has_limit(call: ast.Call) -> bool:
    named = any(keyword.arg == "timeout" for keyword in call.keywords)
    return named or len(call.args) >= LIMIT_IS[_name(call)]
