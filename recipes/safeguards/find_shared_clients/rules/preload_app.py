"""gunicorn's preload imports the application before it forks, so a client at import is inherited.

It is turned on in a file of settings, in a dictionary of options, or on a command line; which
application is meant is said beside it, and where it is not, any of the code base may be.
"""

import ast
import re
import shlex
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Module, Spot
from ..values.kinds import Named, Text
from ..values.libraries import SUBPROCESS

COMMANDS = {"os.system", "os.popen", *(f"os.exec{kind}" for kind in ("l", "lp", "v", "vp"))}
COMMANDS |= SUBPROCESS


def check(facts: Facts) -> Iterator[Finding]:
    for module in facts.code.modules:
        for spot, application in (*settings(module, facts), *options(module)):
            yield from preloaded(spot, application, facts)
    for scope, call in facts.code.calls():
        match facts.values.of(call.func, scope):
            case Named(name=name) if name in COMMANDS:
                words = words_of(call)
                if is_preloading(words):
                    application = named_in(words, scope.module, facts)
                    yield from preloaded(Spot(scope.module, call), application, facts)


def settings(module: Module, facts: Facts) -> Iterator[tuple[Spot, Module | None]]:
    """Yield where a configuration of gunicorn preloads, and the application that it names."""
    for binding in module.scope.bindings.get("preload_app", ()):
        if is_true(binding.node):
            yield Spot(module, binding.node), application_of(module, facts)


def application_of(module: Module, facts: Facts) -> Module | None:
    for binding in module.scope.bindings.get("wsgi_app", ()):
        value = facts.values.of(binding.node, binding.scope)
        if isinstance(value, Text):
            return facts.code.find(value.text.partition(":")[0], module)
    return None


def options(module: Module) -> Iterator[tuple[Spot, None]]:
    """Yield where a dictionary of options preloads."""
    if b"preload_app" not in module.text:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                named = isinstance(key, ast.Constant) and key.value == "preload_app"
                if named and is_true(value):
                    yield Spot(module, value), None


def words_of(call: ast.Call) -> list[str]:
    """Return the words of a command line that are written out."""
    words: list[str] = []
    for argument in call.args:
        given = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
        for each in given:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                words += split(each.value)
    return words


def split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def is_preloading(words: list[str]) -> bool:
    return "--preload" in words and any(word.rpartition("/")[2] == "gunicorn" for word in words)


def named_in(words: list[str], module: Module, facts: Facts) -> Module | None:
    named = [word for word in words if re.fullmatch(r"[\w.]+:[\w.()]+", word)]
    return facts.code.find(named[-1].partition(":")[0], module) if named else None


def preloaded(spot: Spot, application: Module | None, facts: Facts) -> Iterator[Finding]:
    for module in [application] if application else facts.code.modules:
        for made in facts.made_at_import[module]:
            if made.kind != "threads":
                message = (
                    f"Let each worker load the application, or create its {made.name} at its "
                    "first use: with preload it is created before gunicorn forks."
                )
                yield Finding(spot, message, beside=made.spot)


def is_true(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


RULE = Rule(
    id="preload-app",
    finds="`preload_app` or `--preload` of gunicorn, where the application creates a client at "
    "import",
    misses="options in files that are not Python",
    page="processes/create-on-first-use",
    check=check,
)
