"""The fork server is safe because it is bare: what it preloads is inherited by every worker.

The line to change is the name of the module in the list, wherever that list is written.
"""

import ast
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Module, Scope, Spot
from ..values.kinds import Context, Method, Named, Text


def check(facts: Facts) -> Iterator[Finding]:
    for scope, call in facts.code.calls():
        match facts.values.of(call.func, scope):
            case (
                Named(name="multiprocessing.set_forkserver_preload")
                | Method(owner=Context(), name="set_forkserver_preload")
            ):
                for spot, name in named_by(call, scope, facts):
                    yield from preloaded(spot, name, scope.module, facts)


def named_by(call: ast.Call, scope: Scope, facts: Facts) -> Iterator[tuple[Spot, str]]:
    """Yield the names of modules that are written out, each where it stands."""
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        for node, home in facts.values.items(argument, scope):
            name = facts.values.of(node, home)
            if isinstance(name, Text):
                yield Spot(home.module, node), name.text


def preloaded(spot: Spot, name: str, caller: Module, facts: Facts) -> Iterator[Finding]:
    module = caller if name == "__main__" else facts.code.find(name, caller)
    for made in facts.made_at_import[module] if module else ():
        if made.kind != "threads":
            message = (
                f"Preload modules that create no client at import: `{name}` "
                f"creates a {made.name} in the fork server, before it forks."
            )
            yield Finding(spot, message, beside=made.spot)


RULE = Rule(
    id="preload-forkserver",
    finds="`set_forkserver_preload` of a module that creates a client at import",
    misses="modules outside of the given paths",
    page="processes/preload-forkserver",
    check=check,
)
