"""What the calls of libraries do: they make clients, threads and workers, use them, or fork.

Threads do their work in this process, so it is followed where they are given it. What workers do
happens in theirs.
"""

import ast

from ..source.module import Spot
from ..values.inference import Values
from ..values.kinds import Class, Client, Method, Named, Threads, Value, Workers
from ..values.libraries import SUBPROCESS, forking_option
from .effects import Effects
from .state import Fork, Frame, Made, State, Summarize
from .threads import target_of, uses_client

SUBMITS = {"submit", "map"}
FORKS = {"os.fork", "os.forkpty", "pty.fork"}


class Outside:
    """Follows calls of libraries. `function` and `instance` sum up what is theirs to call."""

    def __init__(
        self, values: Values, effects: Effects, function: Summarize, instance: Summarize
    ) -> None:
        self.values = values
        self.effects = effects
        self.function = function
        self.instance = instance

    def construct(
        self, function: Named | Class | Method, node: ast.Call, state: State, frame: Frame
    ) -> None:
        """Follow a call that forks, or that constructs something."""
        spot = Spot(frame.scope.module, node)
        match function:
            case Named(name=name) if name in FORKS:
                self.effects.fork(Fork(spot, "fork", spot), state, frame)
                return
            case Named(name=name) if name in SUBPROCESS and forking_option(node):
                self.effects.fork(Fork(spot, "subprocess"), state, frame)
                return
        made = self.values.of(node, frame.scope)
        if isinstance(function, Class) and not isinstance(made, Client):
            self.effects.apply(self.instance(function.scope), spot, state, frame)
            made = self.values.classes.outside_base(function.scope)
        self.begin(made, node, state, frame)

    def begin(self, value: Value | None, node: ast.Call, state: State, frame: Frame) -> None:
        """Keep what a constructor gives: a client, threads, workers."""
        spot = Spot(frame.scope.module, node)
        origins: frozenset[ast.AST] = frozenset({node})
        match value:
            case Client(name=name, is_async=is_async):
                self.effects.add(Made(spot, "client", name, origins, is_async), state)
            case Threads():
                target = target_of(node, frame.scope, self.values)
                uses = bool(target and uses_client(target, self.values))
                if target:
                    self.effects.apply(self.function(target), spot, state, frame)
                made = Made(spot, "threads", "threads", origins, uses_client=uses)
                self.effects.add(made, state)
            case Workers():
                self.effects.start(value, spot, state, frame)

    def use(
        self, owner: Value | None, name: str, node: ast.Call, state: State, frame: Frame
    ) -> None:
        """Follow a call of a method of a client, of threads or of workers."""
        spot = Spot(frame.scope.module, node)
        at = [node.func.value] if isinstance(node.func, ast.Attribute) else []  # or kept in a name
        match owner:
            case Client() if at and name in ("close", "__exit__", "__aexit__"):
                self.effects.close(at[0], spot, state, frame.scope)
            case Threads() if at and name in SUBMITS:
                self.submit(at, node.args, node, state, frame)
            case Threads() if name in ("join", "shutdown", "close", "terminate"):
                state.end_threads()
            case Workers(kind="process") if name == "start":
                self.effects.start(owner, spot, state, frame)
            case Workers(kind="executor") if name in SUBMITS:
                self.effects.start_once(owner, spot, state, frame)
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
            self.effects.start_once(given, spot, state, frame)
        elif isinstance(given, Threads) and arguments:
            target = self.values.classes.function(self.values.of(arguments[0], scope))
            if target:
                self.effects.apply(self.function(target), spot, state, frame)
                if uses_client(target, self.values):
                    self.effects.use_in(given, state)
