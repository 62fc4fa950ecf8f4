"""Sphinx directive `default-timeouts`: what the installed clients do where a call sets nothing.

It reads the tables that the transports make, and makes no channel for that.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from google.api_core.exceptions import from_grpc_status
from grpc import StatusCode
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import TABLE, EvidenceDirective
from tests.support.installed_clients import clients, is_async


class Default(NamedTuple):
    """What a client does where a call of its method sets neither: seconds, and codes it retries."""

    client: str
    method: str
    timeout: float | None
    retried: tuple[str, ...]


def defaults() -> list[Default]:
    """List the methods of every synchronous client of the installed package."""
    return [
        default
        for name, client in clients().items()
        if not is_async(name)
        for default in of_client(name, client)
    ]


def of_client(name: str, client: Any) -> Iterator[Default]:
    """Yield what the table of a client's transport says of each method."""
    _, base, *_ = inspect.getmro(client.get_transport_class("grpc"))
    calls = {name: call(name) for name, kind in vars(base).items() if isinstance(kind, property)}
    table: Any = object.__new__(type(base.__name__, (base,), calls))
    table._prep_wrapped_messages(client_info=None)
    for wrapped in table._wrapped_methods.values():
        yield Default(name, wrapped.__name__, wrapped._timeout, codes(wrapped._retry))


def call(method: str) -> Callable[[], None]:
    """Make the call that a transport would make for a method, which is never made."""

    def never() -> None: ...

    never.__name__ = method
    return staticmethod(never)


def codes(retry: Any) -> tuple[str, ...]:
    """Name the status codes after which a retry calls again."""
    if retry is None:
        return ()
    return tuple(code.name for code in StatusCode if retry._predicate(from_grpc_status(code, "")))


def default_timeouts() -> str:
    """Draw a row for each client, timeout and retry; clients with the same methods share it."""
    methods: dict[tuple[str, str, str], list[str]] = {}
    for default in sorted(defaults()):
        seconds = f"{default.timeout:g} s" if default.timeout else "none"
        after = quoted(default.retried) or "none"
        methods.setdefault((seconds, after, default.client), []).append(default.method)
    sharing: dict[tuple[str, str, str], list[str]] = {}
    for (seconds, after, client), names in methods.items():
        sharing.setdefault((seconds, after, quoted(names)), []).append(client)
    columns = ("timeout", "retried", "methods")
    rows = [
        dict(zip(columns, key, strict=True)) | {"client": quoted(names)}
        for key, names in sharing.items()
    ]
    rows.sort(key=lambda row: (row["timeout"] != "none", row["retried"] != "none", *row.values()))
    return TABLE.render(rows=rows)


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


class DefaultTimeoutsDirective(EvidenceDirective):
    """Shows the defaults of the package that the site is built with."""

    def run(self) -> list[nodes.Node]:
        files = {Path(inspect.getfile(client)) for client in clients().values()}
        return self.parse(default_timeouts, *sorted(files))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("default-timeouts", DefaultTimeoutsDirective)
    return {"version": "1", "parallel_read_safe": True}
