"""The order of things: which clients exist, and which threads run, when the process forks.

Statements are followed in their order, branches apart from each other, calls into the functions
of the code base, imports into their modules. What a thread calls is called by the process; what
a worker calls is not.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from .modules import FUNCTIONS, Module, Scope, Spot
from .values import (
    CACHES,
    TRANSPORT,
    Class,
    Client,
    Context,
    Function,
    Instance,
    Method,
    Named,
    Threads,
    Value,
    Values,
    Workers,
)

Trying = (ast.Try, getattr(ast, "TryStar", ast.Try))  # `except*` came with Python 3.11
PASSIVE = (*FUNCTIONS, ast.Constant, ast.Name, ast.expr_context, ast.operator, ast.cmpop)
SUBMITS = {"submit", "map"}
ENDS = {"os._exit", "sys.exit", "builtins.exit", "builtins.quit", "os.abort"}
FORKS = {"os.fork", "os.forkpty", "pty.fork"}
SUBPROCESS = {
    f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")
}
FORKING_OPTIONS = ("preexec_fn", "user", "group", "extra_groups")


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


@dataclass(frozen=True)
class Summary:
    """What a call of a function does. It `ends` the program where no path returns."""

    made: tuple[Made, ...] = ()
    closed: tuple[Made, ...] = ()
    forks: tuple[Fork, ...] = ()
    covers: frozenset[Scope] = frozenset()
    started: tuple[ast.AST, ...] = ()
    ends: bool = False


@dataclass(frozen=True)
class Frame:
    """A function, class or module while it is followed; `guarded` code is that of a program."""

    scope: Scope
    guarded: bool = True
    returned: list[State] = field(default_factory=list)
    forks: dict[Fork, None] = field(default_factory=dict)
    covers: set[Scope] = field(default_factory=set)


class Flow:
    """Follows the code, and keeps what existed at each fork in `pairs` and `closed`."""

    def __init__(self, values: Values, methods: dict[Module, Context]) -> None:
        self.values = values
        self.methods = methods
        self.pairs: dict[tuple[Made, Fork], None] = {}
        self.closed: dict[tuple[Made, Spot, Fork], None] = {}
        self.summaries: dict[Scope, Summary] = {}
        self.imports: dict[Module, Summary] = {}
        self.ordered: dict[Fork, set[Scope]] = {}
        self.cached_names = {
            scope.name
            for module in values.code.modules
            for scope in module.scopes.values()
            if scope.owner and scope.decorators and self.is_cached(scope)
        }

    # Whole functions and modules

    def imported(self, module: Module) -> Summary:
        """Follow what the import of a module executes."""
        if module not in self.imports:
            self.imports[module] = Summary()  # an import cycle finds what is there so far
            summary = self.follow(Frame(module.scope, guarded=False), State())
            made = tuple(replace(each, imported=True) for each in summary.made)
            closed = tuple(replace(each, imported=True) for each in summary.closed)
            self.imports[module] = replace(summary, made=made, closed=closed)
        return self.imports[module]

    def program(self, module: Module) -> Summary:
        """Follow a module that is started as a program: after its import, its guarded part."""
        frame = Frame(module.scope)
        guarded = [each for each in module.tree.body if isinstance(each, ast.If)]
        body: list[ast.stmt] = [each for each in guarded if is_guard(each.test)]
        covers = self.imported(module).covers
        return self.follow(frame, self.after_import(module), body, covers)

    def function(self, scope: Scope) -> Summary:
        """Follow a function from its beginning."""
        if scope not in self.summaries:
            self.summaries[scope] = Summary()  # so does a recursion
            self.summaries[scope] = self.follow(Frame(scope), State())
        return self.summaries[scope]

    def entered_later(self, scope: Scope) -> Summary:
        """Follow a function that is called after the import of its module, by whoever."""
        state = self.after_import(scope.module)
        if scope.owner and scope.name not in ("__init__", "__post_init__"):
            constructed = self.instance(scope.owner)
            state.made.update(dict.fromkeys(constructed.made))
            state.started.update(dict.fromkeys(constructed.started))
        return self.follow(Frame(scope), state)

    def after_import(self, module: Module) -> State:
        imported = self.imported(module)
        state = State(dict.fromkeys(imported.made))
        state.closed.update({each: each.spot for each in imported.closed})
        state.started.update(dict.fromkeys(imported.started))
        return state

    def instance(self, scope: Scope) -> Summary:
        """Follow the construction of an instance."""
        for name in ("__init__", "__post_init__"):
            if method := self.values.method(scope, name):
                return self.function(method)
        return Summary()

    def follow(
        self,
        frame: Frame,
        state: State,
        body: list[ast.stmt] | None = None,
        covers: frozenset[Scope] = frozenset(),
    ) -> Summary:
        """Follow statements, by default all of a scope; `covers` are followed already."""
        before = {*state.made, *state.closed}
        end = self.block(frame.scope.body if body is None else body, state, frame)
        ends = [*frame.returned, end] if end else frame.returned
        after = State()
        for each in ends:
            after.merge(each)
        covers = frozenset({frame.scope, *frame.covers, *covers})
        for fork in frame.forks:
            self.ordered.setdefault(fork, set()).update(covers)
        return Summary(
            made=tuple(each for each in after.made if each not in before),
            closed=tuple(each for each in after.closed if each not in before),
            forks=tuple(frame.forks),
            covers=covers,
            started=tuple(after.started),
            ends=not ends,
        )

    # Statements: each returns the state after it, or None where no path leads on

    def block(self, body: list[ast.stmt], state: State | None, frame: Frame) -> State | None:
        for statement in body:
            if state is None:
                break
            state = self.statement(statement, state, frame)
        return state

    def statement(self, node: ast.stmt, state: State, frame: Frame) -> State | None:
        if isinstance(node, Trying):
            return self.trying(node, state, frame)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                defaults = (*node.args.defaults, *node.args.kw_defaults)
                return self.evaluate((*node.decorator_list, *defaults), state, frame)
            case ast.ClassDef():
                after = self.evaluate((*node.decorator_list, *node.bases), state, frame)
                inner = replace(frame, scope=frame.scope.module.scopes[node])
                return self.block(node.body, after, inner)
            case ast.Import() | ast.ImportFrom():
                self.importing(node, state, frame)
                return state
            case ast.Return():
                if after := self.evaluate((node.value,), state, frame):
                    frame.returned.append(after)
                return None
            case ast.Raise():
                self.evaluate((node.exc, node.cause), state, frame)
                return None
            case ast.Continue() | ast.Break():
                return None
            case ast.If():
                return self.branches(node, state, frame)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self.loop(node, state, frame)
            case ast.With() | ast.AsyncWith():
                return self.entering(node, state, frame)
            case ast.Match():
                after = self.evaluate((node.subject,), state, frame)
                copies = [after.copy() for _ in node.cases] if after else []
                cases = zip(node.cases, copies, strict=False)
                return joined([after, *(self.block(c.body, s, frame) for c, s in cases)])
        return self.evaluate(ast.iter_child_nodes(node), state, frame)

    def branches(self, node: ast.If, state: State, frame: Frame) -> State | None:
        if is_for_types(node.test) or (is_guard(node.test) and not frame.guarded):
            return self.block(node.orelse, state, frame)
        after = self.evaluate((node.test,), state, frame)
        if after is None:
            return None
        return joined([self.block(body, after.copy(), frame) for body in (node.body, node.orelse)])

    def loop(
        self, node: ast.For | ast.AsyncFor | ast.While, state: State, frame: Frame
    ) -> State | None:
        head = node.test if isinstance(node, ast.While) else node.iter
        after = self.evaluate((head,), state, frame)
        if after is None:
            return None
        for _ in range(2):  # what one round leaves is there in the next
            after.merge(self.block(node.body, after.copy(), frame))
        return self.block(node.orelse, after, frame)

    def entering(self, node: ast.With | ast.AsyncWith, state: State, frame: Frame) -> State | None:
        contexts = [item.context_expr for item in node.items]
        returned = len(frame.returned)
        end = self.block(node.body, self.evaluate(contexts, state, frame), frame)
        for each in [*frame.returned[returned:], *([end] if end else [])]:
            for context in reversed(contexts):
                self.leave(context, each, frame)
        return end

    def leave(self, context: ast.expr, state: State, frame: Frame) -> None:
        """At its end, a `with` statement closes its client, and waits for threads and workers."""
        match self.values.of(context, frame.scope):
            case Client():
                self.close(context, Spot(frame.scope.module, context), state, frame)
            case Threads():
                self.wait_for_threads(state)
            case Workers():
                state.recurring.clear()

    def trying(self, node: ast.Try, state: State, frame: Frame) -> State | None:
        returned = len(frame.returned)
        body = self.block(node.body, state.copy(), frame)
        failed = state.copy()
        failed.merge(body)
        handled = [self.block(each.body, failed.copy(), frame) for each in node.handlers]
        end = joined([self.block(node.orelse, body, frame), *handled])
        for each in frame.returned[returned:]:
            self.block(node.finalbody, each, frame)
        return self.block(node.finalbody, end, frame)

    def importing(self, node: ast.Import | ast.ImportFrom, state: State, frame: Frame) -> None:
        module = frame.scope.module
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            source = module.absolute(node.module or "", node.level)
            names = [source, *(f"{source}.{name}" for name in names)]
        for name in names:
            for other in self.values.code.prefixes(name, module):
                if other is not module:
                    self.apply(self.imported(other), None, state, frame)

    # Expressions

    def evaluate(
        self, nodes: Iterable[ast.AST | None], state: State | None, frame: Frame
    ) -> State | None:
        """Follow the calls of expressions, in the order of their evaluation."""
        for node in nodes:
            if state is None:
                break
            if node is None or isinstance(node, PASSIVE):
                continue
            state = self.evaluate(evaluated(node), state, frame)
            if state is None:
                break
            if isinstance(node, ast.Call):
                state = state if self.call(node, state, frame) else None
            elif isinstance(node, ast.Attribute) and node.attr in self.cached_names:
                self.cached_property(node, state, frame)
        return state

    def call(self, node: ast.Call, state: State, frame: Frame) -> bool:
        """Follow one call; return whether the program goes on after it."""
        scope = frame.scope
        spot = Spot(scope.module, node)
        function = self.values.of(node.func, scope)
        match function:
            case Named(name=name) if name in ENDS:
                return False
            case Named(name=name) if name in FORKS:
                self.fork(Fork(spot, "fork", spot), state, frame)
            case Named(name=name) if name in SUBPROCESS and forking_option(node):
                self.fork(Fork(spot, "subprocess"), state, frame)
            case Function(scope=inner):
                return self.enter(inner, node, state, frame)
            case Method(owner=Instance(scope=inner), name=name) if method := self.values.method(
                inner, name
            ):
                return self.enter(method, node, state, frame)
            case Method(owner=Instance(scope=inner), name=name):
                self.use(self.values.outside_base(inner), name, node, state, frame)
            case Method(owner=owner, name=name) if not isinstance(owner, Context):
                self.use(owner, name, node, state, frame)
            case Class(scope=inner) if not isinstance(self.values.of(node, scope), Client):
                self.apply(self.instance(inner), spot, state, frame)
                self.begin(self.values.outside_base(inner), node, state, frame)
            case Named() | Class() | Method():
                self.begin(self.values.of(node, scope), node, state, frame)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "run_in_executor":
            self.submit(node.args[:1], node.args[1:], node, state, frame)
        return True

    def enter(self, scope: Scope, node: ast.Call, state: State, frame: Frame) -> bool:
        """Follow a call of a function of the code base."""
        summary = self.function(scope)
        if summary.made and self.is_keyed_by_process(scope, node, frame.scope):
            summary = replace(summary, made=())
        elif summary.made and self.is_cached(scope):
            kept = (replace(each, kind="cached", name=scope.name) for each in summary.made)
            summary = replace(summary, made=tuple(kept))
        self.apply(summary, Spot(frame.scope.module, node), state, frame)
        return not summary.ends

    def begin(self, value: Value | None, node: ast.Call, state: State, frame: Frame) -> None:
        """Keep what a constructor gives: a client, threads, workers."""
        spot = Spot(frame.scope.module, node)
        origins: frozenset[ast.AST] = frozenset({node})
        match value:
            case Client(name=name, is_async=is_async):
                self.add(Made(spot, "client", name, origins, is_async), state, frame)
            case Threads():
                target = self.target(node, frame.scope)
                uses = bool(target and self.uses_client(target))
                if target:
                    self.apply(self.function(target), spot, state, frame)
                self.add(Made(spot, "threads", "threads", origins, uses_client=uses), state, frame)
            case Workers():
                self.start(value, spot, state, frame)

    def use(
        self, owner: Value | None, name: str, node: ast.Call, state: State, frame: Frame
    ) -> None:
        """Follow a call of a method of a client, of threads or of workers."""
        spot = Spot(frame.scope.module, node)
        match owner:
            case Client() if name in ("close", "__exit__", "__aexit__"):
                assert isinstance(node.func, ast.Attribute)
                self.close(node.func.value, spot, state, frame)
            case Threads() if name in SUBMITS:
                assert isinstance(node.func, ast.Attribute)
                self.submit([node.func.value], node.args, node, state, frame)
            case Threads() if name in ("join", "shutdown", "close", "terminate"):
                self.wait_for_threads(state)
            case Workers(kind="process") if name == "start":
                self.start(owner, spot, state, frame)
            case Workers(kind="executor") if name in SUBMITS:
                self.start_once(owner, spot, state, frame)
            case Workers() if name in ("close", "terminate", "shutdown"):
                state.recurring.clear()

    def submit(
        self,
        executor: list[ast.expr],
        arguments: list[ast.expr],
        node: ast.Call,
        state: State,
        frame: Frame,
    ) -> None:
        """Follow work that is handed to an executor: threads do it in this process."""
        scope = frame.scope
        given = self.values.of(executor[0], scope) if executor else None
        spot = Spot(scope.module, node)
        if isinstance(given, Workers):
            self.start_once(given, spot, state, frame)
        elif isinstance(given, Threads) and arguments:
            target = self.function_of(self.values.of(arguments[0], scope))
            if target:
                self.apply(self.function(target), spot, state, frame)
                self.threads_use(given, self.uses_client(target), state)

    def target(self, node: ast.Call, scope: Scope) -> Scope | None:
        """Return the function that a `Thread` runs."""
        given = [
            keyword.value for keyword in node.keywords if keyword.arg in ("target", "function")
        ]
        given += node.args[1:2]
        return self.function_of(self.values.of(given[0], scope)) if given else None

    def function_of(self, value: Value | None) -> Scope | None:
        match value:
            case Function(scope=scope):
                return scope
            case Method(owner=Instance(scope=owner), name=name):
                return self.values.method(owner, name)
        return None

    def uses_client(self, scope: Scope, seen: frozenset[Scope] = frozenset()) -> bool:
        """Say whether a function calls a method of a client, itself or by what it calls."""
        for call in scope.calls:
            match self.values.of(call.func, scope):
                case Method(owner=Client()):
                    return True
                case value:
                    inner = self.function_of(value)
                    if inner and inner not in seen and self.uses_client(inner, seen | {scope}):
                        return True
        return False

    def threads_use(self, threads: Threads, uses: bool, state: State) -> None:
        for made in [each for each in state.made if each.spot.node is threads.call]:
            if uses and not made.uses_client:
                del state.made[made]
                state.made[replace(made, uses_client=True)] = None

    def cached_property(self, node: ast.Attribute, state: State, frame: Frame) -> None:
        owner = self.values.of(node.value, frame.scope)
        method = self.values.method(owner.scope, node.attr) if isinstance(owner, Instance) else None
        if method and self.is_cached(method):
            made = (
                replace(each, kind="cached", name=node.attr) for each in self.function(method).made
            )
            spot = Spot(frame.scope.module, node)
            self.apply(Summary(tuple(made)), spot, state, frame)

    def is_cached(self, scope: Scope) -> bool:
        """Say whether a function keeps what it gives: by a decorator, or in a global if unset."""
        for decorator in scope.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            named = self.values.of(target, scope.parent or scope)
            if isinstance(named, Named) and CACHES.fullmatch(named.name):
                return True
        return any(
            isinstance(name, ast.Name) and name.id in scope.globals
            for branch in (ast.walk(scope.node) if scope.globals else ())
            if isinstance(branch, ast.If)
            for statement in branch.body
            for name in ast.walk(statement)
            if isinstance(getattr(name, "ctx", None), ast.Store)
        )

    def is_keyed_by_process(self, scope: Scope, call: ast.Call, caller: Scope) -> bool:
        """Say whether a factory makes a client anew in each process.

        It does if it asks for the process id, is called with it, or is reset after a fork.
        """

        def asks(node: ast.AST, within: Scope) -> bool:
            return any(
                isinstance(each, ast.Call)
                and self.values.of(each.func, within) == Named("os.getpid")
                for each in ast.walk(node)
            )

        if any(asks(argument, caller) for argument in call.args):
            return True
        if not self.is_cached(scope):
            compared = (ast.Compare, ast.Subscript)
            return any(asks(n, scope) for n in ast.walk(scope.node) if isinstance(n, compared))
        module = scope.module.scope
        return asks(scope.node, scope) or any(
            self.values.of(each.func, module) == Named("os.register_at_fork")
            and any(keyword.arg == "after_in_child" for keyword in each.keywords)
            for each in module.calls
        )

    # What happens

    def add(self, made: Made, state: State, frame: Frame) -> None:
        state.made[made] = None
        for fork in state.recurring:
            self.pairs[made, fork] = None

    def close(self, target: ast.expr, spot: Spot, state: State, frame: Frame) -> None:
        """Close the client that an expression names."""
        nodes = {
            id(node) for value in self.named_by(target, frame.scope) for node in ast.walk(value)
        }
        for made in [*state.made]:
            if made.kind != "threads" and id(made.spot.node) in nodes:
                del state.made[made]
                state.closed[made] = spot

    def named_by(self, target: ast.expr, scope: Scope) -> Iterator[ast.AST]:
        """Yield the expressions that a name or attribute is bound to."""
        while isinstance(target, ast.Attribute) and target.attr in TRANSPORT:
            target = target.value
        match target:
            case ast.Name(id=name) if found := scope.lookup(name):
                yield from (binding.node for binding in found[1])
            case ast.Attribute(value=base, attr=name):
                owner = self.values.of(base, scope)
                if isinstance(owner, Instance):
                    yield from (each.node for each in owner.scope.attributes.get(name, ()))
            case _:
                yield target

    def wait_for_threads(self, state: State) -> None:
        for made in [each for each in state.made if each.kind == "threads"]:
            del state.made[made]

    def start(self, workers: Workers, spot: Spot, state: State, frame: Frame) -> None:
        """Fork, unless the workers start in another way."""
        context = workers.context
        if context.method == "default":
            context = self.methods[spot.module]
        if context.method in ("fork", "default"):
            options = workers.call.keywords if isinstance(workers.call, ast.Call) else []
            recurring = any(
                option.arg == "maxtasksperchild" and not is_none(option.value) for option in options
            )
            fork = Fork(spot, workers.kind, context.choice, recurring, workers.call)
            self.fork(fork, state, frame)
            if recurring:
                state.recurring[fork] = None

    def start_once(self, workers: Workers, spot: Spot, state: State, frame: Frame) -> None:
        """An executor forks all its workers when the first work is submitted.

        Whether that has been is not known of one that came as a parameter.
        """
        if isinstance(workers.call, ast.Call) and workers.call not in state.started:
            state.started[workers.call] = None
            self.start(workers, spot, state, frame)

    def fork(self, fork: Fork, state: State, frame: Frame) -> None:
        frame.forks[fork] = None
        for made in state.made:
            self.pairs[made, fork] = None
        for made, spot in state.closed.items():
            self.closed[made, spot, fork] = None

    def apply(self, summary: Summary, spot: Spot | None, state: State, frame: Frame) -> None:
        """Let happen what a call does; its clients are then made where it is called."""
        frame.covers.update(summary.covers)
        for fork in summary.forks:
            self.fork(fork, state, frame)
        for made in summary.made:
            self.add(replace(made, spot=spot) if spot else made, state, frame)
        state.started.update(dict.fromkeys(summary.started))
        for made in summary.closed:
            state.closed[replace(made, spot=spot) if spot else made] = spot or made.spot


def joined(states: Iterable[State | None]) -> State | None:
    """Return what may exist after any of several paths."""
    reached = [state for state in states if state]
    for other in reached[1:]:
        reached[0].merge(other)
    return reached[0] if reached else None


def evaluated(node: ast.AST) -> Iterable[ast.AST]:
    """Give the parts of an expression, in the order of their evaluation."""
    match node:
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return [*node.generators, node.elt]
        case ast.DictComp():
            return [*node.generators, node.key, node.value]
    return ast.iter_child_nodes(node)


def is_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def is_guard(test: ast.expr) -> bool:
    """Say whether a condition is `__name__ == "__main__"`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {getattr(side, "id", getattr(side, "value", None)) for side in (left, right)}
            return sides == {"__name__", "__main__"}
    return False


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def forking_option(node: ast.Call) -> str | None:
    """Return the argument for which a subprocess is forked as the process itself is."""
    for keyword in node.keywords:
        if keyword.arg in FORKING_OPTIONS and not is_none(keyword.value):
            return keyword.arg
    return None
