"""What goes to a worker is pickled, and a client cannot be.

A method of a client and a partial function take the client along, so the functions that are sent
are looked at like the arguments.
"""

import ast
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Spot
from ..values.inference import Values
from ..values.kinds import Method
from ..wording import held_in
from ..workers.sends import Send, without_partial


def check(facts: Facts) -> Iterator[Finding]:
    for send in facts.sends:
        if send.kind != "pickle":
            yield from sent_values(send.arguments, send, facts.values)
        for each in send.functions:
            yield from sent_function(each, send, facts.values)


def sent_values(
    nodes: tuple[ast.expr, ...] | list[ast.expr], send: Send, values: Values
) -> Iterator[Finding]:
    for node in nodes:
        if values.holders.held(values.of(node, send.scope)):
            what = held_in(node, send.scope, values)
            message = f"Send settings instead of {what}, and create the client in the worker."
            yield Finding(Spot(send.scope.module, node), message)


def sent_function(node: ast.expr, send: Send, values: Values) -> Iterator[Finding]:
    value = values.of(node, send.scope)
    inner = without_partial(node, send.scope, values)
    if inner is not node and isinstance(node, ast.Call):
        bound = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
        yield from sent_values(bound, send, values)
        yield from sent_function(inner, send, values)
    elif isinstance(value, Method) and values.holders.held(value):
        what = held_in(node, send.scope, values)
        message = f"Send a function that creates its own client instead of {what}."
        yield Finding(Spot(send.scope.module, node), message)


RULE = Rule(
    id="client-as-argument",
    finds="a client, or a method of one, that is handed to a worker",
    misses="pools that are parameters without an annotation",
    page="processes/send-settings",
    check=check,
)
