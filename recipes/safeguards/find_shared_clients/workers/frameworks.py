"""Functions that a framework, or a fork, calls: nothing in the code base does.

Celery and gunicorn fork after they have imported a module, so what they call runs in a worker,
or before it. They are known by decorators and by the names that their hooks must have.
"""

import ast
import re
from collections.abc import Iterator

from ..source.module import Module, Scope, Spot
from ..values.inference import Values
from ..values.kinds import Method, Named, Result, Value, Workers

CHILD_HOOKS = {"post_fork", "post_worker_init"}
CHILD_SIGNALS = {
    "celery.signals.worker_process_init.connect",
    "uwsgidecorators.postfork",
}
GUNICORN_FILE = re.compile(r"gunicorn[\w.-]*\.py")
GUNICORN_HOOKS = {"on_starting", "on_reload", "when_ready", "pre_fork", "pre_exec"}


def decorators(scope: Scope, values: Values) -> Iterator[Value | None]:
    """Yield what a function is decorated with, or what makes its decorator."""
    for decorator in scope.decorators:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        yield values.of(target, scope.parent or scope)


def is_task(scope: Scope, values: Values) -> bool:
    """Say whether a function is a task of Celery."""
    for decorator in decorators(scope, values):
        match decorator:
            case Named(name="celery.shared_task"):
                return True
            case Method(owner=Result(name="celery.Celery"), name="task"):
                return True
    return False


def child_hooks(scope: Scope, values: Values) -> Iterator[Scope]:
    """Yield the functions of a scope that run in the child: itself, or those that it names."""
    if scope.is_function and (scope.name in CHILD_HOOKS or is_task(scope, values)):
        yield scope
    for decorator in decorators(scope, values):
        if isinstance(decorator, Named) and decorator.name in CHILD_SIGNALS:
            yield scope
    if isinstance(scope.node, ast.ClassDef) and isinstance(
        values.classes.outside_base(scope), Workers
    ):
        run = values.classes.method(scope, "run")
        yield from [run] if run else []
    for call in scope.calls:
        if values.of(call.func, scope) == Named("os.register_at_fork"):
            for keyword in call.keywords:
                function = values.classes.function(values.of(keyword.value, scope))
                if keyword.arg == "after_in_child" and function:
                    yield function


def parent_hooks(module: Module) -> list[Scope]:
    """Return the functions that gunicorn calls before it forks, of a file of its settings."""
    if not is_of_gunicorn(module):
        return []
    return [
        scope
        for scope in module.scopes.values()
        if scope.parent is module.scope and scope.name in GUNICORN_HOOKS
    ]


def is_of_gunicorn(module: Module) -> bool:
    return GUNICORN_FILE.fullmatch(module.path.name) is not None


def beginning(module: Module) -> Spot:
    return Spot(module, module.tree.body[0] if module.tree.body else module.tree)
