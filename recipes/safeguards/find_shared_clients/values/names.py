"""What names and attributes mean, here and in the modules that they come from.

A name may be bound more than once, and modules may import from each other in a circle: all
bindings are looked at and the best is taken, and what leads back to itself is not known.
"""

from ..source.code_base import CodeBase
from ..source.module import Binding, Module, Scope
from .classes import Classes
from .functions import Functions
from .kinds import (
    Class,
    Client,
    Context,
    Function,
    Holding,
    Infer,
    Instance,
    Method,
    ModuleValue,
    Named,
    Result,
    Text,
    Threads,
    Value,
    Workers,
    best,
)
from .libraries import FORKS_LIKE_MULTIPROCESSING, TRANSPORT, client_of


class Names:
    """Looks up names, dotted names and attributes."""

    def __init__(
        self, code: CodeBase, infer: Infer, classes: Classes, functions: Functions
    ) -> None:
        self.code = code
        self.infer = infer
        self.classes = classes
        self.functions = functions
        self._known: dict[tuple[str, Scope], Value | None] = {}
        self._resolved: dict[tuple[str, str], Value] = {}

    def named(self, name: str, scope: Scope) -> Value | None:
        """Return what a name means in a scope."""
        if (name, scope) not in self._known:
            self._known[name, scope] = None  # a name that modules import from each other
            self._known[name, scope] = self._look_up(name, scope)
        return self._known[name, scope]

    def _look_up(self, name: str, scope: Scope) -> Value | None:
        found = scope.lookup(name)
        if found:
            home, bindings = found
            owner = home.owner
            if owner and not bindings and name == home.first_parameter:
                return Class(owner) if self.functions.is_classmethod(home) else Instance(owner)
            return best(self.bound(binding) for binding in bindings)
        module = scope.module
        for star in module.stars:
            if source := self.code.find(star, module):
                if name in source.scope.bindings:
                    return self.named(name, source.scope)
            elif client_of(f"{star}.{name}"):
                return Named(f"{star}.{name}")
        return Named(f"builtins.{name}")

    def bound(self, binding: Binding) -> Value | None:
        """Return what a name is by one of its bindings."""
        scope = binding.scope
        match binding.kind:
            case "import":
                return self.resolve(binding.dotted, scope.module)
            case "definition":
                defined = scope.module.scopes[binding.node]
                return Function(defined) if defined.is_function else Class(defined)
            case "annotation":
                return self.functions.annotated(binding.node, scope)
            case "element":
                held = self.infer(binding.node, scope)
                return held.client if isinstance(held, Holding) else None
            case "entered":
                return self.functions.entered(binding.node, scope)
            case _:
                return self.infer(binding.node, scope)

    def resolve(self, dotted: str, importer: Module) -> Value:
        """Return what an absolute name means: in the code base where it leads there."""
        if (dotted, importer.folder) not in self._resolved:
            self._resolved[dotted, importer.folder] = Named(dotted)
            self._resolved[dotted, importer.folder] = self._resolve(dotted, importer)
        return self._resolved[dotted, importer.folder]

    def _resolve(self, dotted: str, importer: Module) -> Value:
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            module = self.code.find(".".join(parts[:count]), importer)
            if module is None:
                continue
            value: Value | None = ModuleValue(module)
            for part in parts[count:]:
                value = self.attribute(value, part, module.scope)
            return value or Named(dotted)
        return Named(FORKS_LIKE_MULTIPROCESSING.sub("multiprocessing", dotted))

    def attribute(self, base: Value | None, name: str, scope: Scope) -> Value | None:
        """Return what an attribute of a value is."""
        match base:
            case Named():
                return self.resolve(f"{base.name}.{name}", scope.module)
            case ModuleValue(module=module):
                return Text(module.name) if name == "__name__" else self.of_module(module, name)
            case Client() if name in TRANSPORT:
                return base
            case Class(scope=inner) if client := self.classes.client(inner):
                found = client_of(f"google.cloud.{client.name}.{name}")
                return Named(f"google.cloud.{client.name}.{name}") if found else None
            case Class(scope=inner) | Instance(scope=inner):
                return self.of_class(inner, name, bound=isinstance(base, Instance))
            case Client() | Context() | Workers() | Threads() | Result():
                return Method(base, name)
        return None

    def of_module(self, module: Module, name: str) -> Value | None:
        if name in module.scope.bindings or module.stars:
            found = self.named(name, module.scope)
            if found and found != Named(f"builtins.{name}"):
                return found
        below = self.code.find(f"{module.name}.{name}", module) if module.is_package else None
        return ModuleValue(below) if below else None

    def of_class(self, scope: Scope, name: str, *, bound: bool) -> Value | None:
        """Return an attribute of a class or its instance; of its bases where it has none."""
        for inner in self.classes.ancestors(scope):
            if bound and name in inner.attributes:
                return best(self.bound(each) for each in inner.attributes[name])
            if name in inner.bindings:
                found = best(self.bound(each) for each in inner.bindings[name])
                if bound and isinstance(found, Function):
                    if self.functions.is_property(found.scope):
                        return self.functions.returned(found.scope)
                    return Method(Instance(scope), name)
                return found
        if bound and (base := self.classes.outside_base(scope)):
            return Method(base, name)
        return None
