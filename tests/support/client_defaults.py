"""What the installed clients do where a call sets neither `timeout=` nor `retry=`.

The tables that the transports make say it; no channel is made for that.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from google.api_core.exceptions import from_grpc_status
from grpc import StatusCode

from tests.support.installed_clients import clients, is_async


class Default(NamedTuple):
    """What a client does where a call of its method sets neither.

    `timeout` of one attempt in seconds; the codes after which it tries again, and the seconds in
    which it begins attempts, None where it makes one.
    """

    client: str
    method: str
    timeout: float | None
    retried: tuple[str, ...]
    begins: float | None


@cache
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
        retry = wrapped._retry
        begins = retry.timeout if retry else None
        yield Default(name, wrapped.__name__, wrapped._timeout, codes(retry), begins)


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
