"""Classes of the code base: their bases, their methods, and what their instances are.

A class may be a client, a process or a thread by a base that the code base does not define, also
by a base of a base. Bases are looked up in the order in which they are written, which is near
enough to Python's own order for what is asked here.
"""

import ast

from ..source.module import Scope
from .kinds import (
    DEFAULT,
    Class,
    Client,
    Context,
    Function,
    Infer,
    Instance,
    Method,
    Named,
    Threads,
    Value,
    Workers,
)
from .libraries import THREADS, WORKERS, client_of


class Classes:
    """Says what classes are; `own_clients` are further names of calls that give a client."""

    def __init__(self, infer: Infer, own_clients: frozenset[str]) -> None:
        self.infer = infer
        self.own_clients = own_clients

    def instance(self, value: Value | None, call: ast.AST, context: Context) -> Value | None:
        """Return what a call of a class or constructor gives."""
        match value:
            case Named(name=name):
                if kind := WORKERS.get(name):
                    return Workers(kind, context, call)
                if name in THREADS:
                    return Threads(call)
                return self.client_named(name)
            case Class(scope=scope):
                return self.client(scope) or Instance(scope)
            case Method(owner=Context() as own, name=name):
                kind = WORKERS.get(f"multiprocessing.{name}")
                return Workers(kind, own, call) if kind else None
        return None

    def ancestors(self, scope: Scope) -> list[Scope]:
        """List a class and the bases that the code base defines, in the order of look-ups."""
        found = [scope]
        for inner in found:
            if isinstance(inner.node, ast.ClassDef) and inner.parent:
                for base in inner.node.bases:
                    value = self.infer(base, inner.parent)
                    if isinstance(value, Class) and value.scope not in found:
                        found.append(value.scope)
        return found

    def outside_base(self, scope: Scope) -> Workers | Threads | None:
        """Return what a class is by a base outside of the code base: a process or a thread."""
        for inner in self.ancestors(scope):
            assert isinstance(inner.node, ast.ClassDef)
            for base in inner.node.bases:
                named = self.infer(base, inner.parent or inner)
                made = self.instance(named, inner.node, DEFAULT)
                if isinstance(made, Threads) or (
                    isinstance(made, Workers) and made.kind == "process"
                ):
                    return made
        return None

    def client(self, scope: Scope) -> Client | None:
        """Return the client that an instance of this class is by its name or a base."""
        for inner in self.ancestors(scope):
            if client := client_of(f"{inner.module.name}.{inner.name}"):
                return client
            assert isinstance(inner.node, ast.ClassDef)
            for base in inner.node.bases:
                named = self.infer(base, inner.parent or inner)
                if isinstance(named, Named) and (client := self.client_named(named.name)):
                    return client
        return None

    def client_named(self, name: str) -> Client | None:
        if name in self.own_clients:
            return Client(name.rpartition(".")[2], "Async" in name)
        return client_of(name)

    def method(self, owner: Scope, name: str) -> Scope | None:
        """Return the function that an instance's method is."""
        for inner in self.ancestors(owner):
            for binding in inner.bindings.get(name, ()):
                if binding.kind == "definition":
                    return inner.module.scopes[binding.node]
        return None

    def function(self, value: Value | None) -> Scope | None:
        """Return the function of the code base that a call of this value runs."""
        match value:
            case Function(scope=scope):
                return scope
            case Method(owner=Instance(scope=owner), name=name):
                return self.method(owner, name)
        return None
