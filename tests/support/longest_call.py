"""How long a call of a recipe may take, and whether the recipe says so.

`timeout=` bounds one attempt. Where a call passes no `retry=`, the client tries again by itself
what its own table says, and no attempt begins after the table's last second: a comment says what
both come to.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.support.client_defaults import defaults

COMMENT = re.compile(r"#.*\bat most (\d+) s\b")
REST = 'transport="rest"'
"""A client whose `timeout=` bounds each wait for the network, and whose call has no bound."""
A_WAIT = re.compile(r"#.*\b(\d+) s a wait\b")


class Call(NamedTuple):
    """A call that leaves it to the client to try again.

    `first` and `last` are its lines, and `seconds` is how long it may take: None is for ever.
    """

    first: int
    last: int
    method: str
    seconds: float | None


def unsaid(text: str) -> list[str]:
    """List the calls of a recipe that have no end, or do not say when it comes.

    Those that pass `timeout=` and `retry=` have one, and need not say it.
    """
    lines = text.splitlines()
    found = []
    for call in calls(text):
        if call.seconds is None:
            found.append(f"line {call.first}: {call.method} has no timeout")
        elif REST in text:
            if not any(map(A_WAIT.search, lines[max(0, call.first - 2) : call.last])):
                found.append(f"line {call.first}: {call.method} bounds each wait, not the call")
        elif call.seconds not in _said(lines[max(0, call.first - 2) : call.last]):
            found.append(f"line {call.first}: {call.method} takes at most {call.seconds:.0f} s")
    return found


def _said(lines: list[str]) -> list[float]:
    return [float(found[1]) for line in lines if (found := COMMENT.search(line))]


def calls(text: str) -> Iterator[Call]:
    """Yield each call of a client's method that does not pass both `timeout=` and `retry=`."""
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        passed = {keyword.arg: keyword.value for keyword in node.keywords}
        begins = _begins(text, node.func.attr)
        if begins is None or {"timeout", "retry"} <= passed.keys():
            continue
        attempt = getattr(passed.get("timeout"), "value", None)
        seconds = None if attempt is None else begins + float(attempt)
        yield Call(node.lineno, node.end_lineno or node.lineno, node.func.attr, seconds)


def _begins(text: str, method: str) -> float | None:
    """Return how long the clients that a recipe imports begin attempts; None has no such method."""
    found = {
        default.begins or 0.0
        for default in defaults()
        if default.method == method and default.client.partition(".")[0] in text
    }
    return max(found, default=None)
