"""What the resources of `iam_v2` and `iam_v3` have in common: names, etags, versions."""

import base64
import re
import uuid
from collections.abc import Iterator
from typing import Any

from .methods import Call
from .names import project_id
from .rejections import aborted, invalid, not_found, too_long
from .state import State, new_etag, now

IDENTITY = re.compile(r"[a-z][a-z0-9.-]{2,62}")
LONGEST_NAME = 63


def in_version(call: Call, message: Any) -> Any:
    """Return a copy of a message in the version of the call: all versions are alike on the wire."""
    return converted(message, getattr(call.types, type(message).__name__))


def converted(message: Any, wanted: Any) -> Any:
    """Return a copy of a message as another type that is alike on the wire."""
    return wanted.deserialize(type(message).serialize(message))


def check_id(identity: str, field: str) -> None:
    """Reject the id of a resource that is not well formed."""
    if not IDENTITY.fullmatch(identity):
        raise invalid(
            field,
            f"The ID '{identity}' must have 3 to 63 lower-case letters, digits, hyphens and "
            "periods, and start with a letter.",
        )


def check_display_name(resource: Any, field: str) -> None:
    """Reject a display name that is too long."""
    if len(resource.display_name) > LONGEST_NAME:
        raise too_long(f"{field}.display_name", LONGEST_NAME)


def check_etag(stored: Any, etag: str) -> None:
    """Abort when the etag is stale."""
    if etag and etag != stored.etag:
        raise aborted()


def stored(state: State, name: str) -> Any:
    """Return the resource of a canonical name."""
    found = state.resources.get(name)
    if found is None:
        raise not_found(f"{name} was not found.")
    return found


def owned(state: State, parent: str) -> Iterator[Any]:
    """Yield the resources right below `PARENT/COLLECTION`."""
    return (found for name, found in state.resources.items() if name.rpartition("/")[0] == parent)


def mark_created(resource: Any, name: str) -> None:
    """Give a new resource its name, its uid, its times and its first etag."""
    resource.name = name
    resource.uid = str(uuid.uuid4())
    resource.create_time = now()
    mark_changed(resource)


def mark_changed(resource: Any) -> None:
    """Give a resource a new etag and the time of its update."""
    resource.update_time = now()
    resource.etag = base64.b64encode(new_etag()).decode()


def container_of(state: State, kind: str, identity: str, field: str) -> tuple[str, str]:
    """Return a project as its id and its number; a folder or an organization as its number."""
    if kind == "projects":
        identity = project_id(state, identity)
        return identity, state.projects[identity]
    if not re.fullmatch(r"\d+", identity):
        raise invalid(field, f"{kind[:-1].title()} '{identity}' must be named by its number.")
    return identity, identity
