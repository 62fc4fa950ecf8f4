"""How forks and clients are spoken of in messages.

It is the same in all rules, so that a reader who meets two of them meets the same words. A kind
of fork also has its own page: who uses a pool is not sent to `os.fork`.
"""

import ast
from dataclasses import dataclass

from .source.module import Scope
from .values.inference import Values
from .values.kinds import Client, Instance, Method


@dataclass(frozen=True)
class Forking:
    """How a kind of fork is spoken of, and where its workers make their client."""

    what: str
    where: str
    page: str


FORKINGS = {
    "process": Forking(
        "a process starts", "in the first line of the target", "processes/create-in-worker"
    ),
    "pool": Forking(
        "the pool forks", "in the initializer of the pool", "processes/create-in-worker"
    ),
    "executor": Forking(
        "the executor forks", "in the initializer of the executor", "processes/create-in-worker"
    ),
    "fork": Forking("the process forks", "in the child", "processes/fork-directly"),
    "manager": Forking("the manager starts", "in a worker", "processes/choose-start-method"),
    "celery": Forking(
        "Celery forks", "at its first use in each worker", "processes/create-on-first-use"
    ),
    "gunicorn": Forking(
        "gunicorn forks", "at its first use in each worker", "processes/create-on-first-use"
    ),
}


def held_in(node: ast.expr, scope: Scope, values: Values) -> str:
    """Say what an expression is that holds a client."""
    text = ast.unparse(node)
    text = f"`{text}`" if len(text) <= 40 else "this"
    match values.of(node, scope):
        case Client():
            return text
        case Method(owner=Client()):
            return f"{text}, a method of a client"
        case Method():
            return f"{text}, a method of an object that holds a client"
        case Instance():
            return f"{text}, which holds a client"
    return f"{text}, which contains a client" if text != "this" else "what contains a client"
