"""How workers start where the call that makes them does not say.

`multiprocessing` has one start method for a whole program, and modules that import each other
are one program: so a choice anywhere in it holds for all of them, and fork before any other.
"""

from collections.abc import Iterable, Iterator

from .source.code_base import CodeBase
from .source.module import Module, Spot
from .values.inference import Values
from .values.kinds import Context, Named, Text

Choice = tuple[Spot, str | None]


def chosen_methods(values: Values) -> Iterator[Choice]:
    """Yield each call that sets the start method, with the method if it is written out."""
    for scope, call in values.code.calls():
        if values.of(call.func, scope) == Named("multiprocessing.set_start_method"):
            by_name = (each.value for each in call.keywords if each.arg == "method")
            given = [*call.args, *by_name]
            method = values.of(given[0], scope) if given else None
            yield Spot(scope.module, call), method.text if isinstance(method, Text) else None


def methods_of_modules(
    code: CodeBase, choices: Iterable[Choice], assumed: str
) -> dict[Module, Context]:
    """Return how each module's workers start: as its program says, else as is assumed."""
    chosen: dict[frozenset[Module], Context] = {}
    for spot, method in choices:
        program = code.programs[spot.module]
        if method == "fork" or program not in chosen:
            chosen[program] = Context(method, spot)
    default = Context(assumed)
    return {module: chosen.get(code.programs[module], default) for module in code.modules}
