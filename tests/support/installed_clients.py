"""The client classes of the installed package, found by a walk through its modules."""

import inspect
import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import google.cloud


def modules() -> list[ModuleType]:
    """Import and return every module of `google.cloud.iam` and of `google.cloud.iam_*`."""
    found = []
    for package in pkgutil.iter_modules(google.cloud.__path__, "google.cloud."):
        name = package.name.rpartition(".")[2]
        if name == "iam" or name.startswith("iam_"):
            found.append(import_module(package.name))
            walk = pkgutil.walk_packages(found[-1].__path__, f"{package.name}.")
            found += [import_module(module.name) for module in walk]
    return found


@cache
def clients() -> dict[str, Any]:
    """Return the client classes by names such as `iam_v3.PolicyBindingsAsyncClient`."""
    return {
        f"{found.__module__.split('.')[2]}.{found.__name__}": found
        for module in modules()
        for _, found in inspect.getmembers(module, inspect.isclass)
        if found.__name__.endswith("Client") and found.__module__.startswith("google.cloud.iam")
    }


def is_async(name: str) -> bool:
    """Say whether a client class, or a transport, is one of asyncio."""
    return name.endswith(("AsyncClient", "asyncio"))


def transports(client: Any) -> dict[str, Any]:
    """Return the transports that a client class can use, by their names."""
    known = type(clients()[_sync_name(client)])._transport_registry
    return {
        label: transport
        for label, transport in known.items()
        if is_async(label) == is_async(client.__name__)
    }


def _sync_name(client: Any) -> str:
    name = client.__name__.replace("AsyncClient", "Client")
    return f"{client.__module__.split('.')[2]}.{name}"


def variants() -> set[tuple[str, str]]:
    """Return each client class with each of its transports, by name."""
    return {(name, label) for name, client in clients().items() for label in transports(client)}
