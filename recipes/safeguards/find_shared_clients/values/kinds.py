"""The kinds of values that matter here; everything else is not known, and is None.

They are few on purpose: a rule asks whether something is a client, what holds one, or what makes
workers. All are plain data that can be compared, so that what was inferred once is kept.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..source.module import Module, Scope, Spot


@dataclass(frozen=True)
class Named:
    """Something outside of the code base, by its full name."""

    name: str


@dataclass(frozen=True)
class Result:
    """What a call of something outside of the code base gave."""

    name: str


@dataclass(frozen=True)
class ModuleValue:
    """A module of the code base."""

    module: Module


@dataclass(frozen=True)
class Function:
    """A function or lambda of the code base."""

    scope: Scope


@dataclass(frozen=True)
class Class:
    """A class of the code base."""

    scope: Scope


@dataclass(frozen=True)
class Instance:
    """An object of a class of the code base."""

    scope: Scope


@dataclass(frozen=True)
class Client:
    """A client, or the channel or transport of one."""

    name: str
    is_async: bool


@dataclass(frozen=True)
class Holding:
    """A container, a partial function or a stub that holds a client."""

    client: Client | Instance


@dataclass(frozen=True)
class Context:
    """A multiprocessing context; `method` is None where it is not known."""

    method: str | None
    choice: Spot | None = None


@dataclass(frozen=True)
class Workers:
    """A pool, executor, process or manager: what starts worker processes."""

    kind: str
    context: Context
    call: ast.AST


@dataclass(frozen=True)
class Threads:
    """A thread, or a pool of threads."""

    call: ast.AST


@dataclass(frozen=True)
class Method:
    """A method, bound to what it belongs to."""

    owner: "Value"
    name: str


@dataclass(frozen=True)
class Text:
    """A string that is written out."""

    text: str


Value = (
    Named | Result | ModuleValue | Function | Class | Instance | Client | Holding | Context
    | Workers | Threads | Method | Text
)  # fmt: skip
DEFAULT = Context("default")

Infer = Callable[[ast.AST | None, Scope], Value | None]
"""Says what an expression is in a scope, or None where that is not known."""


def best(values: Iterable[Value | None]) -> Value | None:
    """Of what a name may be, return what matters most: a client, what holds one, anything."""
    known = [value for value in values if value is not None]
    for kind in (Client, Holding):
        for value in known:
            if isinstance(value, kind):
                return value
    return known[0] if known else None
