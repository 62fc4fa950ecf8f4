"""What an expression is: a client, a pool, a function of the code base, or something named."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .modules import Binding, CodeBase, Module, Scope, Spot

CLIENT = re.compile(r"google\.(?!auth\.|oauth2\.)[\w.]*\b[A-Z]\w*Client|google\.[\w.]+\.Client")
CHANNEL = re.compile(
    r"grpc\.(aio\.)?(insecure_channel|secure_channel|intercept_channel)"
    r"|google\.api_core\.grpc_helpers(_async)?\.create_channel"
    r"|google\.[\w.]+(Grpc|GrpcAsyncIO|Rest)Transport(\.create_channel)?"
    r"|firebase_admin\.firestore(_async)?\.client"
)
CONSTRUCTOR = re.compile(r"(?P<client>.+)\.(from_service_account_\w+|create_anonymous_client)")
TRANSPORT = {"transport", "_transport", "grpc_channel", "_grpc_channel"}
FORKS_LIKE_MULTIPROCESSING = re.compile(r"(billiard|multiprocess|torch\.multiprocessing)(?=\.|$)")

WORKERS = {
    "multiprocessing.Process": "process",
    "multiprocessing.context.Process": "process",
    "multiprocessing.process.BaseProcess": "process",
    "multiprocessing.Pool": "pool",
    "multiprocessing.pool.Pool": "pool",
    "multiprocessing.Manager": "manager",
    "concurrent.futures.ProcessPoolExecutor": "executor",
    "concurrent.futures.process.ProcessPoolExecutor": "executor",
}
CONTEXTS = {"executor": 1, "pool": 4}
"""Where among its positional arguments a constructor of workers takes its context."""
THREADS = {
    "threading.Thread",
    "threading.Timer",
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.thread.ThreadPoolExecutor",
    "multiprocessing.pool.ThreadPool",
    "multiprocessing.dummy.Pool",
}
CACHES = re.compile(
    r"functools\.(cache|lru_cache|cached_property)|(cachetools|async_lru|methodtools)\.\w+"
    r"|django\.utils\.functional\.cached_property|asyncstdlib\.\w*cache\w*"
)
PASSED_ON = {
    *(f"builtins.{name}" for name in ("dict", "enumerate", "frozenset", "list", "zip")),
    *(f"builtins.{name}" for name in ("iter", "reversed", "set", "sorted", "tuple")),
    *(f"itertools.{name}" for name in ("chain", "cycle", "product", "repeat", "zip_longest")),
    "functools.partial",
    "types.SimpleNamespace",
}


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


def client_of(name: str) -> Client | None:
    """Return the client that a call of this name makes."""
    if constructor := CONSTRUCTOR.fullmatch(name):
        name = constructor["client"]
        return client_of(name) if CLIENT.fullmatch(name) else None
    if CLIENT.fullmatch(name) or CHANNEL.fullmatch(name):
        last = name.rpartition(".")[2]
        shown = last if last[0].isupper() else "channel" if "channel" in last else "client"
        is_async = "Async" in last or name.startswith("grpc.aio.") or "_async." in name
        return Client(shown, is_async)
    return None


class Values:
    """Infers values from what names are bound to, without regard to the order of statements."""

    def __init__(self, code: CodeBase, clients: Iterable[str] = ()) -> None:
        self.code = code
        self.own_clients = frozenset(clients)
        self._known: dict[tuple[ast.AST | str, Scope], Value | None] = {}
        self._resolved: dict[tuple[str, str], Value] = {}

    def of(self, node: ast.AST | None, scope: Scope) -> Value | None:
        """Return what an expression is, or None where that is not known."""
        if node is None:
            return None
        if (node, scope) not in self._known:
            self._known[node, scope] = None  # what depends on itself is not known
            self._known[node, scope] = self._infer(node, scope)
        return self._known[node, scope]

    def _infer(self, node: ast.AST, scope: Scope) -> Value | None:
        match node:
            case ast.Name(id=name):
                return self.named(name, scope)
            case ast.Attribute(value=base, attr=name):
                return self.attribute(self.of(base, scope), name, scope)
            case ast.Call():
                return self.called(node, scope)
            case ast.Constant(value=str(text)):
                return Text(text)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.of(inner, scope)
            case ast.Starred(value=inner) | ast.YieldFrom(value=inner):
                return self.of(inner, scope)
            case ast.IfExp(body=first, orelse=second):
                return best([self.of(first, scope), self.of(second, scope)])
            case ast.BoolOp(values=operands):
                return best(self.of(each, scope) for each in operands)
            case ast.Lambda():
                return Function(scope.module.scopes[node])
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return self.holding(items, scope)
            case ast.BinOp(left=left, right=right):
                return self.holding([left, right], scope)
            case ast.Dict(values=items):
                return self.holding(items, scope)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return self.holding([item], scope)
            case ast.DictComp(value=item):
                return self.holding([item], scope)
            case ast.Subscript(value=container):
                held = self.of(container, scope)
                return held.client if isinstance(held, Holding) else None
        return None

    def named(self, name: str, scope: Scope) -> Value | None:
        """Return what a name means in a scope."""
        if (name, scope) not in self._known:
            self._known[name, scope] = None  # nor is a name that modules import from each other
            self._known[name, scope] = self._look_up(name, scope)
        return self._known[name, scope]

    def _look_up(self, name: str, scope: Scope) -> Value | None:
        found = scope.lookup(name)
        if found:
            home, bindings = found
            owner = home.owner
            if owner and not bindings and name == home.first_parameter:
                return Class(owner) if self.is_classmethod(home) else Instance(owner)
            return best(self.bound(binding) for binding in bindings)
        module = scope.module
        for star in module.stars:
            if source := self.code.find(star, module):
                if name in source.scope.bindings:
                    return self.named(name, source.scope)
            elif client_of(f"{star}.{name}"):
                return Named(f"{star}.{name}")
        return Named(f"builtins.{name}")

    def is_classmethod(self, scope: Scope) -> bool:
        return any(
            isinstance(each, ast.Name) and each.id == "classmethod" for each in scope.decorators
        )

    def bound(self, binding: Binding) -> Value | None:
        scope = binding.scope
        match binding.kind:
            case "import":
                return self.resolve(binding.dotted, scope.module)
            case "definition":
                defined = scope.module.scopes[binding.node]
                return Function(defined) if defined.is_function else Class(defined)
            case "annotation":
                return self.annotated(binding.node, scope)
            case "element":
                held = self.of(binding.node, scope)
                return held.client if isinstance(held, Holding) else None
            case "entered":
                return self.entered(binding.node, scope)
            case _:
                return self.of(binding.node, scope)

    def entered(self, node: ast.AST, scope: Scope) -> Value | None:
        """Return what `with` gives for a context manager: most give themselves."""
        if isinstance(node, ast.Call):
            function = self.of(node.func, scope)
            if isinstance(function, Function) and function.scope.yielded:
                inner = function.scope
                return best(self.of(each, inner) for each in inner.yielded)
        return self.of(node, scope)

    def annotated(self, node: ast.AST, scope: Scope) -> Value | None:
        """Return an instance of the class that an annotation names, or of one of them."""
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.annotated(ast.parse(text, mode="eval").body, scope)
                except SyntaxError:
                    return None
            case ast.BinOp(left=left, right=right):
                return best([self.annotated(left, scope), self.annotated(right, scope)])
            case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional")):
                return self.annotated(node.slice, scope)
            case ast.Name() | ast.Attribute():
                return self.instance(self.of(node, scope), node, DEFAULT)
        return None

    def attribute(self, base: Value | None, name: str, scope: Scope) -> Value | None:
        match base:
            case Named():
                return self.resolve(f"{base.name}.{name}", scope.module)
            case ModuleValue(module=module):
                return Text(module.name) if name == "__name__" else self.member(module, name)
            case Client() if name in TRANSPORT:
                return base
            case Class(scope=inner) if client := self.client_class(inner):
                found = client_of(f"google.cloud.{client.name}.{name}")
                return Named(f"google.cloud.{client.name}.{name}") if found else None
            case Class(scope=inner) | Instance(scope=inner):
                return self.of_class(inner, name, bound=isinstance(base, Instance))
            case Client() | Context() | Workers() | Threads() | Result() | Instance():
                return Method(base, name)
        return None

    def of_class(self, scope: Scope, name: str, *, bound: bool) -> Value | None:
        """Return an attribute of a class or its instance; of its bases where it has none."""
        for inner in self.ancestors(scope):
            if bound and name in inner.attributes:
                return best(self.bound(each) for each in inner.attributes[name])
            if name in inner.bindings:
                found = best(self.bound(each) for each in inner.bindings[name])
                if bound and isinstance(found, Function):
                    if self.is_property(found.scope):
                        return self.returned(found.scope)
                    return Method(Instance(scope), name)
                return found
        if bound and (base := self.outside_base(scope)):
            return Method(base, name)
        return None

    def is_property(self, scope: Scope) -> bool:
        names = [self.of(each, scope.parent or scope) for each in scope.decorators]
        return any(
            isinstance(each, Named) and each.name.rpartition(".")[2].endswith("property")
            for each in names
        )

    def ancestors(self, scope: Scope) -> list[Scope]:
        """List a class and the bases that the code base defines, in the order of look-ups."""
        found = [scope]
        for inner in found:
            if isinstance(inner.node, ast.ClassDef) and inner.parent:
                for base in inner.node.bases:
                    value = self.of(base, inner.parent)
                    if isinstance(value, Class) and value.scope not in found:
                        found.append(value.scope)
        return found

    def outside_base(self, scope: Scope) -> Workers | Threads | None:
        """Return what a class is by a base outside of the code base: a process or a thread."""
        for inner in self.ancestors(scope):
            assert isinstance(inner.node, ast.ClassDef)
            for base in inner.node.bases:
                made = self.instance(self.of(base, inner.parent or inner), inner.node, DEFAULT)
                if isinstance(made, Threads) or (
                    isinstance(made, Workers) and made.kind == "process"
                ):
                    return made
        return None

    def client_class(self, scope: Scope) -> Client | None:
        """Return the client that an instance of this class is by its name or a base."""
        for inner in self.ancestors(scope):
            if client := client_of(f"{inner.module.name}.{inner.name}"):
                return client
            assert isinstance(inner.node, ast.ClassDef)
            for base in inner.node.bases:
                named = self.of(base, inner.parent or inner)
                if isinstance(named, Named) and (client := self.client_named(named.name)):
                    return client
        return None

    def client_named(self, name: str) -> Client | None:
        if name in self.own_clients:
            return Client(name.rpartition(".")[2], "Async" in name)
        return client_of(name)

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

    def member(self, module: Module, name: str) -> Value | None:
        if name in module.scope.bindings or module.stars:
            found = self.named(name, module.scope)
            if found and found != Named(f"builtins.{name}"):
                return found
        below = self.code.find(f"{module.name}.{name}", module) if module.is_package else None
        return ModuleValue(below) if below else None

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
                return self.client_class(scope) or Instance(scope)
            case Method(owner=Context() as own, name=name):
                kind = WORKERS.get(f"multiprocessing.{name}")
                return Workers(kind, own, call) if kind else None
        return None

    def called(self, call: ast.Call, scope: Scope) -> Value | None:
        function = self.of(call.func, scope)
        made = self.instance(function, call, self.context(call, scope))
        if made:
            if isinstance(made, Workers) and made.kind == "executor":
                return self.recycling(made, call)
            return made
        match function:
            case Named(name="multiprocessing.get_context"):
                return self.chosen(call, scope)
            case Named(name=name) if name in PASSED_ON:
                values = [*call.args, *(keyword.value for keyword in call.keywords)]
                return self.holding(values, scope) or Result(name)
            case Named(name=name):
                held = self.holding(call.args, scope)
                return held if held and name.endswith("Stub") else Result(name)
            case Method(owner=Context() | Result() as owner, name=name):
                start = owner.name if isinstance(owner, Result) else "multiprocessing"
                return Result(f"{start}.{name}")
            case Method(owner=Instance(scope=owner), name=name):
                found = self.method(owner, name)
                return self.returned(found) if found else None
            case Function(scope=inner):
                return self.returned(inner)
        return None

    def items(self, node: ast.expr, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        """Return what a written list or tuple holds, here or where its name is bound."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [(item, scope) for item in items]
            case ast.Name(id=name) if found := scope.lookup(name):
                return [
                    item
                    for binding in found[1]
                    if isinstance(binding.node, ast.List | ast.Tuple | ast.Set)
                    for item in self.items(binding.node, binding.scope)
                ]
        return []

    def method(self, owner: Scope, name: str) -> Scope | None:
        """Return the function that an instance's method is."""
        for inner in self.ancestors(owner):
            for binding in inner.bindings.get(name, ()):
                if binding.kind == "definition":
                    return inner.module.scopes[binding.node]
        return None

    def recycling(self, made: Workers, call: ast.Call) -> Workers:
        """An executor whose workers are replaced never forks unless it is told to."""
        names = {keyword.arg for keyword in call.keywords}
        if "max_tasks_per_child" in names and given_context(call, "executor") is None:
            return replace(made, context=Context("spawn"))
        return made

    def context(self, call: ast.Call, scope: Scope) -> Context:
        """Return the multiprocessing context that a call is given."""
        function = self.of(call.func, scope)
        kind = WORKERS.get(function.name) if isinstance(function, Named) else None
        node = given_context(call, kind)
        if node is None:
            return DEFAULT
        given = self.of(node, scope)
        if isinstance(given, Context):
            return given
        default = given == Named("multiprocessing") or (
            isinstance(node, ast.Constant) and node.value is None
        )
        return DEFAULT if default else Context(None)

    def chosen(self, call: ast.Call, scope: Scope) -> Context:
        """Return the context that `get_context` gives."""
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not arguments:
            return DEFAULT
        method = self.of(arguments[0], scope)
        if isinstance(method, Text):
            return Context(method.text, Spot(scope.module, call))
        return Context(None)

    def returned(self, scope: Scope) -> Value | None:
        """Return what a function gives back, by its statements or else its annotation."""
        found = best(self.of(each, scope) for each in scope.returned)
        annotation = getattr(scope.node, "returns", None)
        return found or (self.annotated(annotation, scope.parent or scope) if annotation else None)

    def holding(self, items: Iterable[ast.expr], scope: Scope) -> Holding | None:
        for item in items:
            if client := self.held(self.of(item, scope)):
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
                return client if value.name[:1] != "_" and value.name not in NO_METHOD else None
            case Instance(scope=scope) | Method(owner=Instance(scope=scope)):
                return Instance(scope) if self.holds_client(scope) else None
        return None

    def holds_client(self, scope: Scope) -> bool:
        """Say whether instances of a class have a client among their attributes when pickled."""
        ancestors = self.ancestors(scope)
        if any(
            {"__getstate__", "__reduce__", "__reduce_ex__"} & {*each.bindings} for each in ancestors
        ):
            return False
        bindings = [
            binding
            for each in ancestors
            for found in each.attributes.values()
            for binding in found
            if binding.scope.name in ("__init__", "__post_init__")
        ]
        bindings += [
            binding
            for each in ancestors
            for found in each.bindings.values()
            for binding in found
            if binding.kind == "annotation" or self.made_by_field(binding)
        ]
        return any(isinstance(self.bound(each), Client | Holding) for each in bindings) or any(
            self.made_by_field(each) for each in bindings
        )

    def made_by_field(self, binding: Binding) -> bool:
        """Say whether a field of a dataclass makes its client for each instance."""
        if not isinstance(binding.node, ast.Call):
            return False
        factories = [
            self.instance(self.of(keyword.value, binding.scope), binding.node, DEFAULT)
            for keyword in binding.node.keywords
            if keyword.arg in ("default_factory", "factory")
        ]
        return any(isinstance(each, Client) for each in factories)


NO_METHOD = {"project", "api_endpoint", "universe_domain", "location", "host", "DEFAULT_ENDPOINT"}
"""Attributes of clients that are text."""


def given_context(call: ast.Call, kind: str | None) -> ast.expr | None:
    """Return what a call that makes workers is given as their context, by name or position."""
    for keyword in call.keywords:
        if keyword.arg in ("mp_context", "context"):
            return keyword.value
    place = CONTEXTS.get(kind or "", len(call.args))
    return call.args[place] if place < len(call.args) else None


def best(values: Iterable[Value | None]) -> Value | None:
    """Of what a name may be, return what matters most: a client, what holds one, anything."""
    known = [value for value in values if value is not None]
    for kind in (Client, Holding):
        for value in known:
            if isinstance(value, kind):
                return value
    return known[0] if known else None
