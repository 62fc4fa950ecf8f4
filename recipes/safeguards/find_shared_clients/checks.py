"""The checks: what the rules find in a code base."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .flow import Flow, Fork, Made, forking_option
from .modules import CodeBase, Module, Scope, Spot
from .rules import RULES, url
from .values import (
    Class,
    Client,
    Context,
    Instance,
    Method,
    Named,
    Text,
    Values,
    Workers,
)
from .workers import Capture, Send, Sends, is_within

VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"
GUNICORN_FILE = re.compile(r"gunicorn[\w.-]*\.py")
GUNICORN_HOOKS = {"on_starting", "on_reload", "when_ready", "pre_fork", "pre_exec"}
COMMANDS = {"os.system", "os.popen", *(f"os.exec{kind}" for kind in ("l", "lp", "v", "vp"))}
COMMANDS |= {f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call")}
COMMANDS |= {"subprocess.check_output"}


@dataclass(frozen=True)
class Forking:
    """How a kind of fork is spoken of, and where its workers make their client."""

    what: str
    where: str
    page: str


FORKINGS = {
    "process": Forking(
        "a process starts", "in the first line of the target", "processes/create-in-process"
    ),
    "pool": Forking(
        "the pool forks", "in the initializer of the pool", "processes/create-in-pool-worker"
    ),
    "executor": Forking(
        "the executor forks",
        "in the initializer of the executor",
        "processes/create-in-executor-worker",
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


@dataclass(frozen=True)
class Finding:
    """One line to change. `beside` is the other place that makes it a fault."""

    rule: str
    spot: Spot
    message: str
    page: str
    beside: Spot | None = None

    @property
    def url(self) -> str:
        return url(self.page)


class Checks:
    """Runs the rules over a code base."""

    def __init__(
        self, code: CodeBase, *, start_method: str = "fork", clients: Iterable[str] = ()
    ) -> None:
        self.code = code
        self.values = Values(code, clients)
        self.sends = Sends(self.values)
        self.flow = Flow(self.values, self.methods(start_method))
        self.found: dict[tuple[str, object], Finding] = {}

    def methods(self, assumed: str) -> dict[Module, Context]:
        """Return how each module's workers start where it does not say: as its program does."""
        chosen: dict[frozenset[Module], Context] = {}
        for spot, method in self.set_start_methods():
            program = self.code.programs[spot.module]
            if method == "fork" or program not in chosen:
                chosen[program] = Context(method, spot)
        default = Context(assumed)
        return {
            module: chosen.get(self.code.programs[module], default) for module in self.code.modules
        }

    def set_start_methods(self) -> Iterator[tuple[Spot, str | None]]:
        for module, scope, call in self.calls():
            if self.values.of(call.func, scope) == Named("multiprocessing.set_start_method"):
                given = [
                    *call.args,
                    *(each.value for each in call.keywords if each.arg == "method"),
                ]
                method = self.values.of(given[0], scope) if given else None
                yield Spot(module, call), method.text if isinstance(method, Text) else None

    def calls(self) -> Iterator[tuple[Module, Scope, ast.Call]]:
        for module in self.code.modules:
            for scope in module.scopes.values():
                for call in scope.calls:
                    yield module, scope, call

    def run(self) -> list[Finding]:
        """Return all findings; those of the order of things come first, for others ask for them."""
        self.follow_all()
        self.made_before_forks()
        self.closed_before_forks()
        self.process_classes()
        self.chosen_forks()
        self.forking_subprocesses()
        self.preloads()
        self.sent()
        self.captured()
        self.async_clients()
        self.fork_support()
        return [*self.found.values()]

    def report(
        self,
        rule: str,
        spot: Spot,
        message: str,
        page: str = "",
        beside: Spot | None = None,
        once: object = None,
    ) -> None:
        """Keep a finding, unless there is one for the same place or for what is reported `once`."""
        finding = Finding(rule, spot, message, page or RULES[rule].page, beside)
        self.found.setdefault((rule, once or spot.node), finding)

    # What the other checks look at

    def follow_all(self) -> None:
        """Follow each program and function, so that the flow knows what existed at each fork."""
        for module in self.code.modules:
            covered = self.flow.program(module).covers
            for scope in module.scopes.values():
                if scope.is_function and not isinstance(scope.node, ast.Lambda):
                    forks = self.flow.function(scope).forks
                    if forks and scope not in covered:
                        self.flow.entered_later(scope)
            self.frameworks(module)

    def frameworks(self, module: Module) -> None:
        """Celery and gunicorn fork after they have imported a module."""
        made = self.flow.imported(module).made
        for scope in module.scopes.values():
            if self.sends.is_task(scope):
                self.pair(made, Fork(Spot(module, scope.node), "celery"))
                break
        if not GUNICORN_FILE.fullmatch(module.path.name):
            return
        fork = Fork(
            Spot(module, module.tree.body[0] if module.tree.body else module.tree), "gunicorn"
        )
        self.pair(made, fork)
        for scope in module.scopes.values():
            if scope.parent is module.scope and scope.name in GUNICORN_HOOKS:
                self.pair(
                    self.flow.function(scope).made, Fork(Spot(module, scope.node), "gunicorn")
                )

    def pair(self, made: Iterable[Made], fork: Fork) -> None:
        for each in made:
            self.flow.pairs[each, fork] = None

    @cached_property
    def programs_with_client(self) -> set[frozenset[Module]]:
        return {
            self.code.programs[module]
            for module, scope, call in self.calls()
            if isinstance(self.values.of(call, scope), Client)
        }

    @cached_property
    def made_by_process_classes(self) -> dict[Scope, tuple[Made, ...]]:
        """What the constructors of `Process` classes make: they run in the process that starts."""
        return {
            scope: self.flow.instance(scope).made
            for module in self.code.modules
            for scope in module.scopes.values()
            if isinstance(scope.node, ast.ClassDef)
            and isinstance(self.values.outside_base(scope), Workers)
        }

    # Order

    def made_before_forks(self) -> None:
        own = {
            origin
            for every in self.made_by_process_classes.values()
            for made in every
            for origin in made.origins
        }
        for made, fork in self.flow.pairs:
            if made.kind == "threads":
                self.threads(made, fork)
            elif fork.kind == "subprocess":
                self.subprocess(fork.spot, made.spot)
            elif not made.origins <= own:
                self.client(made, fork)

    def client(self, made: Made, fork: Fork) -> None:
        how = FORKINGS[fork.kind]
        if made.kind == "cached":
            self.report(
                "cached-client",
                made.spot,
                f"Call `{made.name}` in workers only, or let it keep a client for each process: "
                f"its client is created before {how.what}, and inherited.",
                beside=fork.spot,
                once=(made.spot.module, made.origins),
            )
        elif made.imported:
            self.report(
                "client-at-import",
                made.spot,
                f"Create this {made.name} {how.where}: at import it is created before {how.what}.",
                how.page,
                fork.spot,
            )
        elif fork.recurring:
            self.report(
                "client-before-fork",
                made.spot,
                f"Move the work that needs this {made.name} into a worker: the pool forks again "
                "when it replaces a worker.",
                "processes/recycle-workers",
                fork.spot,
            )
        else:
            self.report(
                "client-before-fork",
                made.spot,
                f"Move the work that needs this {made.name} into a worker, or behind the fork: "
                f"it is created before {how.what}.",
                beside=fork.spot,
            )

    def threads(self, made: Made, fork: Fork) -> None:
        chosen = fork.choice and self.code.programs[fork.spot.module] in self.programs_with_client
        if fork.kind != "subprocess" and (chosen or made.uses_client):
            self.report(
                "fork-beside-threads",
                fork.spot,
                "Fork before the threads start, or start workers by forkserver or spawn: the "
                "threads run when the process forks.",
                beside=made.spot,
                once=fork.workers,
            )

    def subprocess(self, spot: Spot, client: Spot) -> None:
        assert isinstance(spot.node, ast.Call)
        self.report(
            "forking-subprocess",
            spot,
            f"Start the program without `{forking_option(spot.node)}=`: it makes `subprocess` "
            "fork as `os.fork` does, beside a client.",
            beside=client,
        )

    def closed_before_forks(self) -> None:
        for made, spot, fork in self.flow.closed:
            if fork.kind != "subprocess":
                self.report(
                    "close-then-fork",
                    spot,
                    f"Keep this {made.name} out of the process that forks: closed before "
                    f"{FORKINGS[fork.kind].what}, it can still freeze the fork.",
                    beside=fork.spot,
                )

    def process_classes(self) -> None:
        for scope, every in self.made_by_process_classes.items():
            for made in every:
                self.report(
                    "captured-client",
                    made.spot,
                    f"Create this {made.name} in `run`: the constructor of {scope.name} runs in "
                    "the process that starts it.",
                    beside=Spot(scope.module, scope.node),
                )

    def forks_by_choice(self) -> dict[Spot, list[Fork]]:
        """Return where fork is chosen as the start method or called, and what forks by that."""
        forks: dict[Spot, list[Fork]] = {
            spot: [] for spot, method in self.set_start_methods() if method == "fork"
        }
        for _, scope, call in self.calls():
            context = self.values.of(call, scope)
            if isinstance(context, Context) and context.method == "fork" and context.choice:
                forks.setdefault(context.choice, [])
        for fork in self.flow.ordered:
            if fork.choice:
                forks.setdefault(fork.choice, []).append(fork)
        return forks

    def chosen_forks(self) -> None:
        """Fork is chosen beside a client, before it or in no certain order."""
        clients = {fork: made for made, fork in self.flow.pairs if made.kind != "threads"}
        for spot, forks in self.forks_by_choice().items():
            directly = any(fork.kind == "fork" for fork in forks)
            before = next((clients[fork].spot for fork in forks if fork in clients), None)
            if before and directly:
                continue  # the client is a finding, and says so
            if beside := before or self.unordered(spot, forks):
                todo = "Choose forkserver or spawn"
                if directly:
                    todo = "Start workers by forkserver or spawn instead of `os.fork`"
                text = f"{todo}: this process creates a client, too."
                self.report("fork-beside-client", spot, text, beside=beside)

    def forking_subprocesses(self) -> None:
        """A subprocess forks beside a client, in no certain order."""
        for module, scope, call in self.calls():
            if self.is_forking_subprocess(call, scope):
                spot = Spot(module, call)
                forks = [fork for fork in self.flow.ordered if fork.spot == spot]
                if client := self.unordered(spot, forks):
                    self.subprocess(spot, client)

    def is_forking_subprocess(self, call: ast.Call, scope: Scope) -> bool:
        function = self.values.of(call.func, scope)
        return (
            isinstance(function, Named)
            and function.name.startswith("subprocess.")
            and forking_option(call) is not None
        )

    def unordered(self, spot: Spot, forks: list[Fork]) -> Spot | None:
        """Return a client of the same module that may be made before or after the forks."""
        ordered = {scope for fork in forks for scope in self.flow.ordered[fork]}
        for scope in spot.module.scopes.values():
            if scope in ordered or self.is_only_in_workers(scope):
                continue
            if forks and scope is spot.module.scope:
                continue  # an import is ordered before all forks of functions
            for call in scope.calls:
                function = self.values.of(call.func, scope)
                if isinstance(function, Named | Class) and isinstance(
                    self.values.of(call, scope), Client
                ):
                    return Spot(spot.module, call)
        return None

    def is_only_in_workers(self, scope: Scope) -> bool:
        return any(is_within(scope, each) for each in self.sends.only_in_workers)

    # What is preloaded

    def preloads(self) -> None:
        for module in self.code.modules:
            for binding in module.scope.bindings.get("preload_app", ()):
                if isinstance(binding.node, ast.Constant) and binding.node.value is True:
                    self.preload_app(Spot(module, binding.node), self.application(module))
            if b"preload_app" in module.text:
                for node in ast.walk(module.tree):
                    if isinstance(node, ast.Dict):
                        self.preload_option(module, node)
        for module, scope, call in self.calls():
            match self.values.of(call.func, scope):
                case Named(name="multiprocessing.set_forkserver_preload"):
                    self.preload_forkserver(module, scope, call)
                case Method(owner=Context(), name="set_forkserver_preload"):
                    self.preload_forkserver(module, scope, call)
                case Named(name=name) if name in COMMANDS:
                    self.preload_command(module, call)

    def application(self, module: Module) -> Module | None:
        """Return the module of the application that a configuration of gunicorn names."""
        bindings = module.scope.bindings.get("wsgi_app", ())
        for binding in bindings:
            value = self.values.of(binding.node, binding.scope)
            if isinstance(value, Text):
                return self.code.find(value.text.partition(":")[0], module)
        return None

    def preload_option(self, module: Module, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            named = isinstance(key, ast.Constant) and key.value == "preload_app"
            if named and isinstance(value, ast.Constant) and value.value is True:
                self.preload_app(Spot(module, value), None)

    def preload_command(self, module: Module, call: ast.Call) -> None:
        """A command line of gunicorn that is written out."""
        words: list[str] = []
        for argument in call.args:
            given = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
            for each in given:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    words += split(each.value)
        if any(word.rpartition("/")[2] == "gunicorn" for word in words) and "--preload" in words:
            named = [word for word in words if re.fullmatch(r"[\w.]+:[\w.()]+", word)]
            application = self.code.find(named[-1].partition(":")[0], module) if named else None
            self.preload_app(Spot(module, call), application)

    def preload_app(self, spot: Spot, application: Module | None) -> None:
        for module in [application] if application else self.code.modules:
            for made in self.flow.imported(module).made:
                if made.kind != "threads":
                    self.report(
                        "preload-app",
                        spot,
                        f"Let each worker load the application, or create its {made.name} at its "
                        "first use: with preload it is created before gunicorn forks.",
                        beside=made.spot,
                    )

    def preload_forkserver(self, module: Module, scope: Scope, call: ast.Call) -> None:
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            for node, home in self.values.items(argument, scope):
                name = self.values.of(node, home)
                if not isinstance(name, Text):
                    continue
                preloaded = module if name.text == "__main__" else None
                preloaded = preloaded or self.code.find(name.text, module)
                for made in self.flow.imported(preloaded).made if preloaded else ():
                    if made.kind != "threads":
                        self.report(
                            "preload-forkserver",
                            Spot(home.module, node),
                            f"Preload modules that create no client at import: `{name.text}` "
                            f"creates a {made.name} in the fork server, before it forks.",
                            beside=made.spot,
                        )

    # What workers get

    def sent(self) -> None:
        for send in self.sends.all:
            rule = "pickled-client" if send.kind == "pickle" else "client-as-argument"
            for each in send.arguments:
                if self.values.held(self.values.of(each, send.scope)):
                    self.sent_value(rule, each, send)
            for each in send.functions:
                self.sent_function(each, send)

    def sent_value(self, rule: str, node: ast.expr, send: Send) -> None:
        what = self.named(node, send.scope)
        if rule == "pickled-client":
            message = f"Pickle settings instead of {what}: a client cannot be copied."
        else:
            message = f"Send settings instead of {what}, and create the client in the worker."
        self.report(rule, Spot(send.scope.module, node), message)

    def sent_function(self, node: ast.expr, send: Send) -> None:
        value = self.values.of(node, send.scope)
        partial = self.sends.partial(node, send.scope)
        if partial is not node and isinstance(node, ast.Call):
            for each in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
                if self.values.held(self.values.of(each, send.scope)):
                    self.sent_value("client-as-argument", each, send)
            return self.sent_function(partial, send)
        if isinstance(value, Method) and self.values.held(value):
            self.report(
                "client-as-argument",
                Spot(send.scope.module, node),
                "Send a function that creates its own client instead of "
                f"{self.named(node, send.scope)}.",
            )
        return None

    def named(self, node: ast.expr, scope: Scope) -> str:
        """Say what an expression is that holds a client."""
        text = ast.unparse(node)
        text = f"`{text}`" if len(text) <= 40 else "this"
        match self.values.of(node, scope):
            case Client():
                return text
            case Method(owner=Client()):
                return f"{text}, a method of a client"
            case Method():
                return f"{text}, a method of an object that holds a client"
            case Instance():
                return f"{text}, which holds a client"
        return f"{text}, which contains a client" if text != "this" else "what contains a client"

    def captured(self) -> None:
        reported = {
            node
            for finding in self.found.values()
            if finding.rule
            in ("client-at-import", "client-before-fork", "cached-client", "close-then-fork")
            for node in ast.walk(finding.spot.node)
        }
        origins = {
            origin
            for made, fork in self.flow.pairs
            for origin in made.origins
            if fork.kind != "subprocess"
        }
        for send in self.sends.all:
            for each in send.functions:
                value = self.values.of(self.sends.partial(each, send.scope), send.scope)
                if function := self.sends.function(value):
                    for capture in self.sends.captures(function, set()):
                        if self.is_of_parent(capture, reported | origins):
                            self.report(
                                "captured-client",
                                capture.spot,
                                f"Create the client in the worker: `{capture.name}` is that of the "
                                "process that starts it.",
                                FORKINGS[send.kind].page if send.kind in FORKINGS else "",
                                send.spot,
                            )

    def is_of_parent(self, capture: Capture, reported: set[ast.AST]) -> bool:
        """Say whether a captured client is one that the parent made, and no other finding says."""
        if capture.home.is_function:
            return True
        made = [each for each in capture.bindings if each.kind != "annotation"]
        if any(
            each.kind == "import" or not each.scope.is_function
            for each in made
            if self.values.bound(each)
        ):
            return False  # made at import: a finding of its own where the process forks
        setters = [each for each in made if isinstance(self.values.bound(each), Client)]
        return bool(setters) and not any(
            each.scope in self.sends.in_workers
            or any(node in reported for node in ast.walk(each.node))
            for each in setters
        )

    # Others

    def async_clients(self) -> None:
        for module in self.code.modules:
            for made in self.flow.imported(module).made:
                if (
                    made.is_async
                    and made.kind != "threads"
                    and not any(made is each for each, _ in self.flow.pairs)
                ):
                    self.report(
                        "async-client-at-import",
                        made.spot,
                        f"Create this {made.name} in a coroutine: it belongs to the event loop in "
                        "which it is created.",
                    )

    def fork_support(self) -> None:
        for module in self.code.modules:
            if VARIABLE.encode() not in module.text:
                continue
            for scope in module.scopes.values():
                for node in own_nodes(scope):
                    if self.sets_variable(node, scope):
                        self.report(
                            "fork-support-in-code",
                            Spot(module, node),
                            f"Leave `{VARIABLE}` unset: neither value makes an inherited client "
                            "safe.",
                        )

    def sets_variable(self, node: ast.AST, scope: Scope) -> bool:
        def is_environ(base: ast.expr) -> bool:
            return self.values.of(base, scope) == Named("os.environ")

        def is_variable(key: ast.expr | None) -> bool:
            return self.values.of(key, scope) in (Text(VARIABLE), Text(f"{VARIABLE}=1"))

        match node:
            case ast.Subscript(value=base, slice=key, ctx=ast.Store()):
                return is_environ(base) and is_variable(key)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                match self.values.of(function, scope):
                    case Named(name="os.putenv" | "os.environ.setdefault"):
                        return bool(arguments) and is_variable(arguments[0])
                    case Named(name="os.environ.update"):
                        keys = [
                            key
                            for each in arguments
                            if isinstance(each, ast.Dict)
                            for key in each.keys
                        ]
                        by_name = any(each.arg == VARIABLE for each in keywords)
                        return by_name or any(map(is_variable, keys))
        return False


def own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """Yield the nodes of a scope without those of the scopes in it."""
    waiting: list[ast.AST] = [*scope.body]
    while waiting:
        node = waiting.pop()
        yield node
        if node not in scope.module.scopes:
            waiting.extend(ast.iter_child_nodes(node))


def split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []
