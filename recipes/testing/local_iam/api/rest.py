"""REST: which method a request calls, the request that it makes, the response as JSON."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from google.protobuf import json_format

from .methods import METHODS, Method, Rule

# What a variable of several segments keeps encoded, such as the slashes of an attachment point.
RESERVED = re.compile(r"(%(?:2[1346789ABCF]|3[ABDF]|40|5[BD]))", re.IGNORECASE)


def find(verb: str, path: str) -> tuple[Method, Rule, str] | None:
    """Return the method that a request calls, by which rule, and what its path names."""
    for method in METHODS.values():
        for rule in method.rules:
            match = rule.pattern.fullmatch(path) if rule.verb == verb else None
            if match:
                return method, rule, _decoded(match[1])
    return None


def _decoded(text: str) -> str:
    parts = RESERVED.split(text)
    return "".join(part if RESERVED.fullmatch(part) else unquote(part) for part in parts)


def read(method: Method, rule: Rule, name: str, query: str, body: bytes) -> Any:
    """Return the request; any error means that it is not a valid one."""
    wanted = method.request_type
    message = wanted.pb()() if hasattr(wanted, "pb") else wanted()
    content = _parameters(message, query)
    if rule.body:
        content[rule.body] = json.loads(body or b"{}")
    *outer, field = rule.variable.split(".")
    holder = content[outer[0]] if outer else content
    holder[field] = name
    json_format.ParseDict(content, message)
    return method.read(message.SerializeToString())


def _parameters(message: Any, query: str) -> dict[str, Any]:
    """Return the fields in a query, without the parameters of the system: those begin with `$`."""
    switches = {f.json_name for f in message.DESCRIPTOR.fields if f.type == f.TYPE_BOOL}
    return {
        key: json.loads(value) if key in switches else value
        for key, value in parse_qsl(query, keep_blank_values=True)
        if not key.startswith("$")
    }


def write(response: Any, query: str) -> Any:
    """Return the response as JSON; enums are names unless the query asks for numbers."""
    alt = dict(parse_qsl(query)).get("$alt", "")
    message = type(response).pb(response) if hasattr(type(response), "pb") else response
    return json_format.MessageToDict(
        message, use_integers_for_enums="enum-encoding=int" in alt.split(";")
    )
