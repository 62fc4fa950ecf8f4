"""The conditions of bindings: the part of the Common Expression Language that IAM uses.

`parse` reads an expression, `holds` evaluates it for a resource, `expired` finds a time that has
passed. Names and functions that IAM does not declare are errors, as they are in the service.
"""

import operator
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from ..api.state import now

Node = tuple[Any, ...]
TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]]))"""
)
ATTRIBUTES = {
    "request.time",
    "request.path",
    "request.host",
    "resource.name",
    "resource.service",
    "resource.type",
    "destination.ip",
    "destination.port",
    "api.getAttribute",
}
METHODS = {
    "startsWith": 1,
    "endsWith": 1,
    "contains": 1,
    "matches": 1,
    "extract": 1,
    "getFullYear": 1,
    "getMonth": 1,
    "getDate": 1,
    "getDayOfWeek": 1,
    "getHours": 1,
    "getMinutes": 1,
    "hasOnly": 1,
    "matchTag": 2,
    "matchTagId": 2,
    "hasTagKey": 1,
    "hasTagKeyId": 1,
    "getAttribute": 2,
}
FUNCTIONS = {"timestamp": 1, "duration": 1, "size": 1, "int": 1, "string": 1, "date": 1}
LEVELS = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
LONGEST = 12_800
DEEPEST = 64


class ConditionError(ValueError):
    """An expression that IAM would not accept, and the character where it goes wrong."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"ERROR: {message} at character {offset}")
        self.offset = offset


def tokens(expression: str) -> Iterator[tuple[str, str, int]]:
    """Yield kind, text and position of each token, and an end."""
    position = 0
    text = expression.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ConditionError("Syntax error: token recognition error", position)
        kind = str(match.lastgroup)
        yield kind, match[kind], match.start(kind)
        position = match.end()
    yield "end", "<EOF>", len(text)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, expression: str, attributes: set[str]) -> None:
        self._attributes = attributes
        self._tokens = list(tokens(expression))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._choice()
        if self._kind != "end":
            raise self._error()
        return node

    @property
    def _kind(self) -> str:
        return self._tokens[self._next][0]

    @property
    def _text(self) -> str:
        kind, text, _ = self._tokens[self._next]
        return "" if kind == "text" else text

    @property
    def _offset(self) -> int:
        return self._tokens[self._next][2]

    def _error(self) -> ConditionError:
        return ConditionError(
            f"Syntax error: unexpected '{self._tokens[self._next][1]}'", self._offset
        )

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _expect(self, sign: str) -> None:
        if self._text != sign:
            raise self._error()
        self._take()

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError("the expression is nested too deeply", self._offset)
        node = self._binary(0)
        if self._text == "?":
            self._take()
            yes = self._choice()
            self._expect(":")
            node = ("choice", node, yes, self._choice())
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while self._text in LEVELS[level]:
            sign = self._take()
            node = (sign, node, self._binary(level + 1))
        return node

    def _unary(self) -> Node:
        signs = []
        while self._text in ("!", "-"):
            signs.append(self._take())
        node = self._members()
        for sign in reversed(signs):
            node = ("not" if sign == "!" else "minus", node)
        return node

    def _members(self) -> Node:
        node = self._primary()
        while self._text in (".", "["):
            if self._take() == "[":
                node = ("item", node, self._choice())
                self._expect("]")
                continue
            offset = self._offset
            if self._kind != "name":
                raise self._error()
            name = self._take()
            if self._text == "(":
                node = ("method", node, name, self._arguments(name, METHODS, offset))
            else:
                node = self._attribute(node, name, offset)
        if node[0] == "name":
            raise ConditionError(f"undeclared reference to '{node[1]}'", node[2])
        return node

    def _attribute(self, node: Node, name: str, offset: int) -> Node:
        if node[0] != "name" or f"{node[1]}.{name}" not in self._attributes:
            raise ConditionError(f"undeclared reference to '{name}'", offset)
        return ("attribute", f"{node[1]}.{name}")

    def _primary(self) -> Node:
        kind, text, offset = self._tokens[self._next]
        if kind == "end" or (kind == "sign" and text not in "(["):
            raise self._error()
        self._take()
        if kind == "number":
            return ("value", float(text) if "." in text else int(text))
        if kind == "text":
            return ("value", re.sub(r"\\(.)", r"\1", text[1:-1]))
        if text == "(":
            node = self._choice()
            self._expect(")")
            return node
        if text == "[":
            return ("list", self._list("]"))
        if text in ("true", "false"):
            return ("value", text == "true")
        if self._text == "(":
            return ("call", text, self._arguments(text, FUNCTIONS, offset))
        return ("value", None) if text == "api" else ("name", text, offset)

    def _arguments(self, name: str, declared: dict[str, int], offset: int) -> list[Node]:
        if name not in declared:
            raise ConditionError(f"undeclared reference to '{name}'", offset)
        self._take()
        found = self._list(")")
        if len(found) > declared[name]:
            raise ConditionError(f"found no matching overload for '{name}'", offset)
        if name in ("timestamp", "duration") and found and found[0][0] == "value":
            _convert(name, found[0][1], offset)
        return found

    def _list(self, end: str) -> list[Node]:
        found = []
        while self._text != end:
            found.append(self._choice())
            if self._text != end:
                self._expect(",")
        self._take()
        return found


def parse(expression: str, attributes: set[str] = ATTRIBUTES) -> Node:
    """Return the tree of an expression; ConditionError says what is wrong with it, and where."""
    if len(expression) > LONGEST:
        raise ConditionError("the expression is too long", LONGEST)
    return _Parser(expression, attributes).whole()


def _convert(name: str, text: Any, offset: int = 0) -> datetime | timedelta:
    try:
        if name == "duration":
            return timedelta(seconds=float(re.fullmatch(r"(-?\d+(?:\.\d+)?)s", text)[1]))  # type: ignore[index]
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise ConditionError(f"'{text}' is not a {name}", offset) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def holds(expression: str, resource: str) -> bool:
    """Say whether a condition is true now for a service account; an error counts as false."""
    values = {
        "request.time": now(),
        "resource.name": resource,
        "resource.service": "iam.googleapis.com",
        "resource.type": "iam.googleapis.com/ServiceAccount",
    }
    try:
        return _value(parse(expression), values) is True
    except (ConditionError, TypeError, ValueError, LookupError, ArithmeticError, re.error):
        return False


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "in": lambda item, items: item in items,
}
CALLS: dict[str, Callable[..., Any]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda a, b: b in a,
    "matches": lambda a, b: re.search(b, a) is not None,
    "getFullYear": lambda moment, *_: moment.year,
    "getMonth": lambda moment, *_: moment.month - 1,
    "getDate": lambda moment, *_: moment.day,
    "getHours": lambda moment, *_: moment.hour,
    "getMinutes": lambda moment, *_: moment.minute,
    "getDayOfWeek": lambda moment, *_: moment.isoweekday() % 7,
    "size": len,
    "int": int,
    "string": str,
}


def _value(node: Node, values: dict[str, Any]) -> Any:
    kind, *parts = node
    if kind == "value":
        return parts[0]
    if kind == "attribute":
        return values[parts[0]]
    if kind == "not":
        return not _value(parts[0], values)
    if kind == "minus":
        return -_value(parts[0], values)
    if kind == "&&":
        return _value(parts[0], values) is True and _value(parts[1], values) is True
    if kind == "||":
        return _value(parts[0], values) is True or _value(parts[1], values) is True
    if kind == "choice":
        return _value(parts[1 if _value(parts[0], values) else 2], values)
    if kind == "list":
        return [_value(part, values) for part in parts[0]]
    if kind == "item":
        return _value(parts[0], values)[_value(parts[1], values)]
    if kind == "method":
        target, name, arguments = parts
        return CALLS[name](_value(target, values), *(_value(each, values) for each in arguments))
    if kind == "call":
        name, arguments = parts
        given = [_value(each, values) for each in arguments]
        return _convert(name, *given) if name in ("timestamp", "duration") else CALLS[name](*given)
    return OPERATIONS[kind](_value(parts[0], values), _value(parts[1], values))


def expired(node: Node) -> bool:
    """Say whether the expression demands a time that has passed."""
    if node[0] == "&&":
        return expired(node[1]) or expired(node[2])
    if node[0] not in ("<", "<=") or node[1] != ("attribute", "request.time"):
        return False
    try:
        return bool(_value(node[2], {"request.time": now()}) < now())
    except (TypeError, ValueError, LookupError):
        return False
