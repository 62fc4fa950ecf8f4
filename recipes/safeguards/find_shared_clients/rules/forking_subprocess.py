"""Some arguments make `subprocess` run Python between fork and exec, as `os.fork` does.

Without them it starts programs in a way that no client disturbs, so the line to change is the
call, never the client.
"""

import ast
from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Scope, Spot
from ..unordered import unordered_client
from ..values.inference import Values
from ..values.kinds import Named
from ..values.libraries import forking_option


def check(facts: Facts) -> Iterator[Finding]:
    for made, fork in facts.order.pairs:
        if made.kind != "threads" and fork.kind == "subprocess":
            yield finding(fork.spot, made.spot)
    for scope, call in facts.code.calls():
        if is_forking(call, scope, facts.values):
            spot = Spot(scope.module, call)
            forks = [fork for fork in facts.order.ordered if fork.spot == spot]
            if client := unordered_client(spot, forks, facts):
                yield finding(spot, client)


def is_forking(call: ast.Call, scope: Scope, values: Values) -> bool:
    function = values.of(call.func, scope)
    return (
        isinstance(function, Named)
        and function.name.startswith("subprocess.")
        and forking_option(call) is not None
    )


def finding(spot: Spot, client: Spot) -> Finding:
    assert isinstance(spot.node, ast.Call)
    message = (
        f"Start the program without `{forking_option(spot.node)}=`: it makes `subprocess` "
        "fork as `os.fork` does, beside a client."
    )
    return Finding(spot, message, beside=client)


RULE = Rule(
    id="forking-subprocess",
    finds="`preexec_fn=`, `user=`, `group=` or `extra_groups=` of a subprocess, beside a client",
    misses="arguments that are passed as `**options`",
    page="processes/start-other-programs",
    check=check,
)
