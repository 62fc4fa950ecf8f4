"""What makes two trials trials of the same: the program and the job that it ran with.

The program is its syntax tree without docstrings and comments, so that an edit of prose costs no
trial. The tree is written out by hand: `ast.dump` and `ast.unparse` differ between releases of
Python, and a trial that one made has its say on all.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

DIGITS = 12
"""Of a hash, which name a program or a job."""
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_NOT_PROGRAM = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}
"""Fields that say nothing which the rest of the tree does not, or that some releases lack."""


def program_of(path: Path) -> str:
    """Return the digits that name a file's program, with the modules that it has beside it.

    Raises SyntaxError where it is none.
    """
    text = path.read_text("utf-8")
    return _program("\n".join((text, *(each.read_text("utf-8") for each in _beside(path, text)))))


def _beside(path: Path, text: str) -> Iterator[Path]:
    """Yield the modules that a program imports from its own folder."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            for name in node.names:
                module = path.with_name(f"{name.name}.py")
                if module.is_file():
                    yield module


@cache
def _program(text: str) -> str:
    return digest("\n".join(_lines(ast.parse(text))))


def digest(text: str) -> str:
    """Return the first digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _lines(value: Any, depth: int = 0) -> Iterator[str]:
    """Write a tree out, a node or a constant a line."""
    if isinstance(value, ast.AST):
        yield f"{depth} {type(value).__name__}"
        for name, of_field in ast.iter_fields(value):
            if name not in _NOT_PROGRAM and of_field not in (None, []):
                yield f"{depth} .{name}"
                yield from _lines(_meant(value, name, of_field), depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item, depth + 1)
    else:
        yield f"{depth} {value!a}"


def _meant(node: ast.AST, name: str, value: Any) -> Any:
    """Leave out a docstring, and the empty ends that Python 3.12.0 and 3.12.1 give formats."""
    if name == "body" and isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node) is not None:
        return value[1:]
    if isinstance(node, ast.JoinedStr):
        return [part for part in value if not (isinstance(part, ast.Constant) and part.value == "")]
    return value
