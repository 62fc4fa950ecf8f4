"""What holds a client and so cannot be sent or copied: containers, methods, objects.

An object counts when its constructor or one of its fields keeps a client, unless its class says
how it is pickled: then it is taken to leave the client out.
"""

import ast
from collections.abc import Callable, Iterable

from ..source.module import Binding, Scope
from .classes import Classes
from .kinds import DEFAULT, Client, Holding, Infer, Instance, Method, Value
from .libraries import TEXTS

PICKLING = {"__getstate__", "__reduce__", "__reduce_ex__"}


class Holders:
    """Says which values hold a client."""

    def __init__(
        self, infer: Infer, bound: Callable[[Binding], Value | None], classes: Classes
    ) -> None:
        self.infer = infer
        self.bound = bound
        self.classes = classes

    def holding(self, items: Iterable[ast.expr], scope: Scope) -> Holding | None:
        for item in items:
            if client := self.held(self.infer(item, scope)):
                return Holding(client)
        return None

    def held(self, value: Value | None) -> Client | Instance | None:
        """Return the client that cannot be sent where this value goes."""
        match value:
            case Client():
                return value
            case Holding(client=client):
                return client
            case Method(owner=Client() as client):
                return client if value.name[:1] != "_" and value.name not in TEXTS else None
            case Instance(scope=scope) | Method(owner=Instance(scope=scope)):
                return Instance(scope) if self.holds_client(scope) else None
        return None

    def holds_client(self, scope: Scope) -> bool:
        """Say whether instances of a class have a client among their attributes when pickled."""
        ancestors = self.classes.ancestors(scope)
        if any(PICKLING & {*each.bindings} for each in ancestors):
            return False
        kept = [*self.set_by_constructor(ancestors), *self.fields(ancestors)]
        return any(isinstance(self.bound(each), Client | Holding) for each in kept) or any(
            self.made_by_field(each) for each in kept
        )

    def set_by_constructor(self, ancestors: list[Scope]) -> Iterable[Binding]:
        return (
            binding
            for each in ancestors
            for found in each.attributes.values()
            for binding in found
            if binding.scope.name in ("__init__", "__post_init__")
        )

    def fields(self, ancestors: list[Scope]) -> Iterable[Binding]:
        return (
            binding
            for each in ancestors
            for found in each.bindings.values()
            for binding in found
            if binding.kind == "annotation" or self.made_by_field(binding)
        )

    def made_by_field(self, binding: Binding) -> bool:
        """Say whether a field of a dataclass makes its client for each instance."""
        if not isinstance(binding.node, ast.Call):
            return False
        factories = [
            self.classes.instance(self.infer(keyword.value, binding.scope), binding.node, DEFAULT)
            for keyword in binding.node.keywords
            if keyword.arg in ("default_factory", "factory")
        ]
        return any(isinstance(each, Client) for each in factories)
