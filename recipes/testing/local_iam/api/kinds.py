"""The kinds of resources of `iam_v3`, whose five standard methods are alike."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import empty_pb2, field_mask_pb2

from .methods import Call
from .operations import begin
from .paging import page
from .rejections import already_exists, failed_precondition, invalid
from .resources import (
    check_display_name,
    check_etag,
    check_id,
    container_of,
    converted,
    in_version,
    mark_changed,
    mark_created,
    owned,
    stored,
)
from .state import State, now

LOCATION = re.compile(r"(projects|folders|organizations)/([^/]+)/locations/([^/]+)")
BINDINGS_COLLECTION = "policyBindings"


@dataclass(frozen=True)
class Kind:
    """Where resources of a kind are, how requests name them, and what may be in them.

    `check` looks at a new resource, and at one whose field `checked` changes.
    """

    field: str
    plural: str
    owners: tuple[str, ...]
    mutable: tuple[str, ...]
    checked: str
    check: Callable[[Call, Any, str], None]

    @property
    def collection(self) -> str:
        """Return the collection in a resource name, such as `policyBindings`."""
        first, *rest = self.plural.split("_")
        return first + "".join(word.title() for word in rest)

    @property
    def list_response(self) -> str:
        """Return the name of the response type of its list method."""
        return f"List{self.collection[:1].upper()}{self.collection[1:]}Response"


def location_of(
    state: State, parent: str, owners: tuple[str, ...], field: str = "parent"
) -> tuple[str, str]:
    """Return the owner that a parent names, canonically, and the whole parent."""
    match = LOCATION.fullmatch(parent)
    if not match or match[1] not in owners:
        raise invalid(
            field,
            f"Invalid form for {field}: '{parent}'. Use {' or '.join(owners)}/ID/locations/global.",
        )
    if match[3] != "global":
        raise invalid(field, f"Location '{match[3]}' is not supported. Use global.")
    identity, _ = container_of(state, match[1], match[2], field)
    owner = f"{match[1]}/{identity}"
    return owner, f"{owner}/locations/global"


def collection_of(call: Call, kind: Kind, parent: str) -> str:
    """Return the canonical name of a collection of resources."""
    return f"{location_of(call.state, parent, kind.owners)[1]}/{kind.collection}"


def name_of(state: State, kind: Kind, name: str, field: str = "name") -> str:
    """Return the canonical name of a resource of a kind."""
    parent, collection, identity = name.rpartition(f"/{kind.collection}/")
    if not collection:
        raise invalid(field, f"Invalid form for {field}: '{name}'.")
    _, location = location_of(state, parent, kind.owners, field)
    check_id(identity, field)
    return f"{location}/{kind.collection}/{identity}"


def found(call: Call, kind: Kind, name: str, field: str = "name") -> Any:
    """Return the resource that a name means."""
    return stored(call.state, name_of(call.state, kind, name, field))


def answer(call: Call, verb: str, resource: Any, response: Any) -> Any:
    """Return the operation that did something to a resource."""
    location = "/".join(resource.name.split("/")[:4])
    metadata = call.types.OperationMetadata(
        create_time=now(), target=resource.name, verb=verb, api_version=call.version
    )
    return begin(call, location, response, metadata, end_time=now())


def create(call: Call, kind: Kind, request: Any) -> Any:
    """Create a resource, or only say what it would be."""
    collection = collection_of(call, kind, request.parent)
    identity = getattr(request, f"{kind.field}_id")
    check_id(identity, f"{kind.field}_id")
    resource = in_version(call, getattr(request, kind.field))
    mark_created(resource, f"{collection}/{identity}")
    check_display_name(resource, kind.field)
    kind.check(call, resource, kind.field)
    if resource.name in call.state.resources:
        raise already_exists(f"{resource.name} already exists.")
    if not request.validate_only:
        call.state.resources[resource.name] = resource
    return answer(call, "create", resource, in_version(call, resource))


def get(call: Call, kind: Kind, request: Any) -> Any:
    """Return a resource."""
    return in_version(call, found(call, kind, request.name))


def list_page(
    call: Call, kind: Kind, request: Any, keep: Callable[[Any], bool] = lambda _: True
) -> Any:
    """Return a page of the resources of a parent."""
    collection = collection_of(call, kind, request.parent)
    resources = (each for each in owned(call.state, collection) if keep(each))
    chosen, token = shown_page(call, request, resources, collection)
    fields = {kind.plural: chosen, "next_page_token": token}
    return getattr(call.types, kind.list_response)(**fields)


def shown_page(
    call: Call, request: Any, resources: Iterator[Any], of: str
) -> tuple[list[Any], str]:
    """Return a page of resources in the version of the call, and the next token."""
    chosen, token = page(
        resources,
        lambda resource: str(resource.name),
        request.page_size,
        request.page_token,
        of=f"{of}?{getattr(request, 'filter', '')}",
        default=50,
        maximum=1000,
    )
    return [in_version(call, resource) for resource in chosen], token


def update(call: Call, kind: Kind, request: Any) -> Any:
    """Change a resource, or only say how it would be."""
    wanted = getattr(request, kind.field)
    before = found(call, kind, wanted.name, f"{kind.field}.name")
    check_etag(before, wanted.etag)
    after = converted(before, type(before))
    paths = mask_of(kind, request)
    source, target = (type(m).pb(m) for m in (converted(wanted, type(before)), after))
    field_mask_pb2.FieldMask(paths=paths).MergeMessage(source, target, True, True)
    check_display_name(after, kind.field)
    if any(path.partition(".")[0] == kind.checked for path in paths):
        kind.check(call, after, kind.field)
    mark_changed(after)
    if not request.validate_only:
        call.state.resources[after.name] = after
    return answer(call, "update", after, in_version(call, after))


def mask_of(kind: Kind, request: Any) -> list[str]:
    """Return what to change: without a mask everything that can be changed."""
    paths = list(request.update_mask.paths) if "update_mask" in type(request).meta.fields else []
    if paths in ([], ["*"]):
        return list(kind.mutable)
    descriptor = type(request).pb(request).DESCRIPTOR.fields_by_name[kind.field].message_type
    for path in paths:
        if path.partition(".")[0] not in kind.mutable:
            raise invalid("update_mask", f"The field '{path}' cannot be updated.")
        if not field_mask_pb2.FieldMask(paths=[path]).IsValidForDescriptor(descriptor):
            raise invalid("update_mask", f"There is no field '{path}'.")
    return paths


def delete(call: Call, kind: Kind, request: Any) -> Any:
    """Delete a resource that no binding holds, or only say that it would be."""
    resource = found(call, kind, request.name)
    check_etag(resource, request.etag)
    if any(bindings_of(call.state, resource.name)) and not request.force:
        raise failed_precondition(
            f"{resource.name} is referenced by policy bindings. Delete them first, or set force."
        )
    if not request.validate_only:
        del call.state.resources[resource.name]
    return answer(call, "delete", resource, empty_pb2.Empty())


def bindings_of(state: State, policy: str) -> Iterator[Any]:
    """Yield the policy bindings that bind a policy."""
    for name, resource in state.resources.items():
        if f"/{BINDINGS_COLLECTION}/" in name and resource.policy == policy:
            yield resource


def search_bindings(call: Call, kind: Kind, request: Any, response: str) -> Any:
    """Return a page of the bindings of a policy."""
    name = found(call, kind, request.name).name
    chosen, token = shown_page(call, request, bindings_of(call.state, name), f"{name}/bindings")
    return getattr(call.types, response)(policy_bindings=chosen, next_page_token=token)
