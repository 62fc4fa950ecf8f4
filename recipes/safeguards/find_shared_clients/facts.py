"""What the rules judge: everything is gathered before the first rule looks at it.

A rule reads these facts and changes none, so it can be written, turned off or left out without
regard to the others.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from .flow.follow import Flow
from .flow.state import Fork, Made, Order
from .source.code_base import CodeBase
from .source.module import Module, Scope, Spot
from .start_methods import Choice, chosen_methods, methods_of_modules
from .values.inference import Values
from .values.kinds import Client, Workers
from .workers.frameworks import beginning, is_of_gunicorn, is_task, parent_hooks
from .workers.functions import WorkerFunctions
from .workers.sends import Send, all_sends


@dataclass(frozen=True)
class Facts:
    """What is known of a code base.

    `made_at_import` is what the import of each module makes, `made_by_processes` what the
    constructors of `Process` classes make, which run in the process that starts. `clients` are
    the calls that give a client.
    """

    code: CodeBase
    values: Values
    choices: tuple[Choice, ...]
    order: Order
    made_at_import: Mapping[Module, tuple[Made, ...]]
    made_by_processes: Mapping[Scope, tuple[Made, ...]]
    clients: tuple[tuple[Scope, ast.Call], ...]
    sends: tuple[Send, ...]
    workers: WorkerFunctions

    @cached_property
    def inherited(self) -> list[tuple[Made, Fork]]:
        """Clients that exist when the process forks, except those of a `Process` class."""
        own = {
            origin
            for every in self.made_by_processes.values()
            for made in every
            for origin in made.origins
        }
        return [
            (made, fork)
            for made, fork in self.order.pairs
            if made.kind != "threads" and fork.kind != "subprocess" and not made.origins <= own
        ]

    @cached_property
    def programs_with_client(self) -> set[frozenset[Module]]:
        return {self.code.programs[scope.module] for scope, _ in self.clients}


def gather(code: CodeBase, *, start_method: str = "fork", clients: Iterable[str] = ()) -> Facts:
    """Infer and follow all of a code base."""
    values = Values(code, clients)
    choices = tuple(chosen_methods(values))
    flow = Flow(values, methods_of_modules(code, choices, start_method))
    for module in code.modules:
        follow_module(module, flow)
        follow_frameworks(module, flow)
    made_by_processes = {
        scope: flow.instance(scope).made
        for scope in code.scopes()
        if isinstance(scope.node, ast.ClassDef)
        and isinstance(values.classes.outside_base(scope), Workers)
    }
    made_at_import = {module: flow.imported(module).made for module in code.modules}
    given = tuple(each for each in code.calls() if isinstance(values.of(each[1], each[0]), Client))
    sends = all_sends(values)
    workers = WorkerFunctions(values, sends)
    return Facts(
        code, values, choices, flow.order, made_at_import, made_by_processes, given, sends, workers
    )


def follow_module(module: Module, flow: Flow) -> None:
    """Follow a module as a program, then those of its functions that fork and were not reached."""
    covered = flow.program(module).covers
    for scope in module.scopes.values():
        if scope.is_function and not isinstance(scope.node, ast.Lambda):
            forks = flow.function(scope).forks
            if forks and scope not in covered:
                flow.entered_later(scope)


def follow_frameworks(module: Module, flow: Flow) -> None:
    """Celery and gunicorn fork after they have imported a module."""
    forks: list[tuple[tuple[Made, ...], Fork]] = []
    made = flow.imported(module).made
    task = next((each for each in module.scopes.values() if is_task(each, flow.values)), None)
    if task:
        forks.append((made, Fork(Spot(module, task.node), "celery")))
    if is_of_gunicorn(module):
        forks.append((made, Fork(beginning(module), "gunicorn")))
    for hook in parent_hooks(module):
        fork = Fork(Spot(module, hook.node), "gunicorn")
        forks.append((flow.function(hook).made, fork))
    for every, fork in forks:
        flow.order.pairs.update(dict.fromkeys((each, fork) for each in every))
