"""What happens to a state: something is made or closed, workers start, the process forks.

Each fork is noted together with all that exists at that point, and each client that is made
later with the forks that happen again. These are the only places that write to the order.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..source.module import Module, Scope, Spot
from ..values.inference import Values
from ..values.kinds import Context, Instance, Threads, Workers
from ..values.libraries import TRANSPORT, is_none
from .state import Fork, Frame, Made, Order, State, Summary


class Effects:
    """Changes states, and keeps what existed at each fork."""

    def __init__(self, values: Values, methods: Mapping[Module, Context], order: Order) -> None:
        self.values = values
        self.methods = methods
        self.order = order

    def add(self, made: Made, state: State) -> None:
        state.made[made] = None
        for fork in state.recurring:
            self.order.pairs[made, fork] = None

    def close(self, target: ast.expr, spot: Spot, state: State, scope: Scope) -> None:
        """Close the client that an expression names."""
        nodes = {id(node) for value in self.named_by(target, scope) for node in ast.walk(value)}
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
            self.order.pairs[made, fork] = None
        for made, spot in state.closed.items():
            self.order.closed[made, spot, fork] = None

    def apply(self, summary: Summary, spot: Spot | None, state: State, frame: Frame) -> None:
        """Let happen what a call does; its clients are then made where it is called."""
        frame.covers.update(summary.covers)
        for fork in summary.forks:
            self.fork(fork, state, frame)
        for made in summary.made:
            self.add(replace(made, spot=spot) if spot else made, state)
        state.started.update(dict.fromkeys(summary.started))
        for made in summary.closed:
            state.closed[replace(made, spot=spot) if spot else made] = spot or made.spot

    def use_in(self, threads: Threads, state: State) -> None:
        """Note that threads which exist use a client from now on."""
        for made in [each for each in state.made if each.spot.node is threads.call]:
            if not made.uses_client:
                del state.made[made]
                state.made[replace(made, uses_client=True)] = None
