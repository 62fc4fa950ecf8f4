"""A client that the code itself pickles or copies, whether or not workers are near.

What is sent to workers is pickled as well, which is a rule of its own: it names another fix.
"""

from collections.abc import Iterator

from ..facts import Facts
from ..findings import Finding, Rule
from ..source.module import Spot
from ..wording import held_in


def check(facts: Facts) -> Iterator[Finding]:
    for send in facts.sends:
        for node in send.arguments if send.kind == "pickle" else ():
            if facts.values.holders.held(facts.values.of(node, send.scope)):
                what = held_in(node, send.scope, facts.values)
                message = f"Pickle settings instead of {what}: a client cannot be copied."
                yield Finding(Spot(send.scope.module, node), message)


RULE = Rule(
    id="pickled-client",
    finds="a client that is pickled or copied",
    misses="a pickler of another library than `pickle`, `dill`, `cloudpickle` and `joblib`",
    page="processes/send-settings",
    check=check,
)
