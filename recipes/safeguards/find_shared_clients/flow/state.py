"""What is handed along while code is followed, as plain data.

A state belongs to one point of the program and is changed by what happens there; a summary says
what a call of a function adds, so that a function is followed once however often it is called.
Sets are kept as dictionaries: findings come in the order of the code.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..source.module import Scope, Spot


@dataclass(frozen=True)
class Made:
    """A client or threads that exist from `spot` on.

    `origins` are the innermost calls that make it. `imported` says that an import is enough.
    """

    spot: Spot
    kind: Literal["client", "cached", "threads"]
    name: str
    origins: frozenset[ast.AST]
    is_async: bool = False
    imported: bool = False
    uses_client: bool = True


@dataclass(frozen=True)
class Fork:
    """A place where the process forks. `choice` is where fork was chosen, if it was.

    `workers` is the call that made what forks, which may do so elsewhere and more than once. A
    `recurring` fork happens again whenever a worker is replaced.
    """

    spot: Spot
    kind: str
    choice: Spot | None = None
    recurring: bool = False
    workers: ast.AST | None = None


@dataclass
class State:
    """What exists at one point of the program."""

    made: dict[Made, None] = field(default_factory=dict)
    closed: dict[Made, Spot] = field(default_factory=dict)
    recurring: dict[Fork, None] = field(default_factory=dict)
    started: dict[ast.AST, None] = field(default_factory=dict)

    def copy(self) -> "State":
        return State(dict(self.made), dict(self.closed), dict(self.recurring), dict(self.started))

    def merge(self, other: "State | None") -> None:
        if other:
            self.made.update(other.made)
            self.closed.update(other.closed)
            self.recurring.update(other.recurring)
            self.started.update(other.started)

    def end_threads(self) -> None:
        for made in [each for each in self.made if each.kind == "threads"]:
            del self.made[made]


@dataclass(frozen=True)
class Summary:
    """What a call of a function does. It `ends` the program where no path returns."""

    made: tuple[Made, ...] = ()
    closed: tuple[Made, ...] = ()
    forks: tuple[Fork, ...] = ()
    covers: frozenset[Scope] = frozenset()
    started: tuple[ast.AST, ...] = ()
    ends: bool = False


Summarize = Callable[[Scope], Summary]
"""Gives what a call of a function, or of a class, does."""


@dataclass(frozen=True)
class Frame:
    """A function, class or module while it is followed; `guarded` code is that of a program."""

    scope: Scope
    guarded: bool = True
    returned: list[State] = field(default_factory=list)
    forks: dict[Fork, None] = field(default_factory=dict)
    covers: set[Scope] = field(default_factory=set)


@dataclass(frozen=True)
class Order:
    """What is known at the end: what existed at each fork, in the order in which it was found.

    `pairs` are clients and threads, `closed` clients that had been closed at a spot, `ordered`
    the scopes that were followed together with a fork.
    """

    pairs: dict[tuple[Made, Fork], None] = field(default_factory=dict)
    closed: dict[tuple[Made, Spot, Fork], None] = field(default_factory=dict)
    ordered: dict[Fork, set[Scope]] = field(default_factory=dict)
