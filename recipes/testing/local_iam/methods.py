"""The table of methods: a handler registers itself with the service that it belongs to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from .state import State

CREDENTIALS = "google.iam.credentials.v1.IAMCredentials"
ADMIN = "google.iam.admin.v1.IAM"
HOSTS = {CREDENTIALS: "iamcredentials.googleapis.com", ADMIN: "iam.googleapis.com"}


@dataclass(frozen=True)
class Call:
    """One authenticated call: the state that it works on and the e-mail of its caller."""

    state: State
    caller: str


@dataclass(frozen=True)
class Method:
    """A method of a service, with what reads its request and writes its response."""

    service: str
    name: str
    request_type: Any
    handler: Callable[[Call, Any], Any]

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


def serves(service: str) -> Callable[[Handler], Handler]:
    """Register a handler: `list_roles` of ADMIN serves `/google.iam.admin.v1.IAM/ListRoles`."""

    def register(handler: Handler) -> Handler:
        name = "".join(word.title() for word in handler.__name__.split("_"))
        method = Method(service, name, get_type_hints(handler)["request"], handler)
        METHODS[method.path] = method
        return handler

    return register
