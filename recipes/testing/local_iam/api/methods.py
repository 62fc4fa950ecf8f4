"""The table of methods: a handler registers itself with the service that it belongs to."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from .state import State

CREDENTIALS = "google.iam.credentials.v1.IAMCredentials"
ADMIN = "google.iam.admin.v1.IAM"
OPERATIONS = "google.longrunning.Operations"
IAM_HOST = "iam.googleapis.com"
HOSTS = {CREDENTIALS: "iamcredentials.googleapis.com", ADMIN: IAM_HOST, OPERATIONS: IAM_HOST}
VARIABLE = re.compile(r"\{([\w.]+)=([^}]+)\}")


@dataclass(frozen=True)
class VersionedService:
    """A service that several versions of IAM have, each with a package of its own."""

    name: str
    versions: tuple[str, ...]


DENY = VersionedService("Policies", ("v2", "v2beta"))
BOUNDARIES = VersionedService("PrincipalAccessBoundaryPolicies", ("v3", "v3beta"))
BINDINGS = VersionedService("PolicyBindings", ("v3", "v3beta"))
ACCESS = VersionedService("AccessPolicies", ("v3", "v3beta"))


@dataclass(frozen=True)
class Call:
    """One authenticated call: the state that it works on and the e-mail of its caller.

    A call of a service with versions has the one that it speaks, and that version's message types.
    """

    state: State
    caller: str
    version: str = ""

    @property
    def types(self) -> Any:
        """Return the module of the message types, which is imported when first needed."""
        return types_of(self.version)


@dataclass(frozen=True)
class Rule:
    """How a method is called over REST: a verb and a path with one variable, `{name=roles/*}`.

    The field `body` of the request is the body.
    """

    verb: str
    path: str
    body: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return the expression that the path matches, with the variable as its group."""
        before, _, variable, after = (_segments(part) for part in VARIABLE.split(self.path))
        return re.compile(f"{before}({variable}){after}")

    @property
    def variable(self) -> str:
        """Return the field of the request that the path names."""
        return VARIABLE.split(self.path)[1]


@dataclass(frozen=True)
class Method:
    """A method of a service, with what reads its request and writes its response."""

    service: str
    name: str
    handler: Callable[[Call, Any], Any]
    rules: tuple[Rule, ...] = ()
    version: str = ""

    @cached_property
    def request_type(self) -> Any:
        """Return the type of the request; that of a version is imported when first needed."""
        if self.version:
            return getattr(types_of(self.version), f"{self.name}Request")
        return get_type_hints(self.handler)["request"]

    @property
    def path(self) -> str:
        """Return the path that gRPC calls it by."""
        return f"/{self.service}/{self.name}"

    def read(self, message: bytes) -> Any:
        """Return the request that the bytes hold."""
        if hasattr(self.request_type, "deserialize"):
            return self.request_type.deserialize(message)
        return self.request_type.FromString(message)


METHODS: dict[str, Method] = {}
Handler = TypeVar("Handler", bound=Callable[..., Any])


def write(response: Any) -> bytes:
    """Return the bytes of a response, of proto-plus or of protobuf."""
    if hasattr(response, "SerializeToString"):
        return bytes(response.SerializeToString())
    return bytes(type(response).serialize(response))


def serves(service: str, *rules: Rule) -> Callable[[Handler], Handler]:
    """Register a handler: `list_roles` of ADMIN serves `/google.iam.admin.v1.IAM/ListRoles`."""

    def register(handler: Handler) -> Handler:
        _add(Method(service, _name(handler), handler, rules))
        return handler

    return register


def serves_versions(service: VersionedService, *rules: Rule) -> Callable[[Handler], Handler]:
    """Register a handler with each version of a service that the installed package has."""

    def register(handler: Handler) -> Handler:
        for version in service.versions:
            if installed(version, service.name):
                path = f"google.iam.{version}.{service.name}"
                HOSTS[path] = IAM_HOST
                own = tuple(Rule(r.verb, f"/{version}{r.path}", r.body) for r in rules)
                _add(Method(path, _name(handler), handler, own, version))
        return handler

    return register


def installed(version: str, service: str) -> bool:
    """Say whether the installed package has a service, without an import of it."""
    found = find_spec(f"google.cloud.iam_{version}")
    folder = "services/" + re.sub(r"(?<!^)(?=[A-Z])", "_", service).lower()
    paths = (found.submodule_search_locations or []) if found else []
    return any(Path(path, folder).is_dir() for path in paths)


def types_of(version: str) -> Any:
    """Return the module of a version's message types."""
    return import_module(f"google.cloud.iam_{version}.types")


def _name(handler: Callable[..., Any]) -> str:
    return "".join(word.title() for word in handler.__name__.split("_"))


def _add(method: Method) -> None:
    METHODS[method.path] = method


def _segments(template: str) -> str:
    return re.escape(template).replace(r"\*", "[^/:]+")
