"""Roles: the predefined ones are read-only, custom ones live in a project or an organization."""

import re
from collections.abc import Iterator

from google.cloud.iam_admin_v1.types import iam
from grpc import StatusCode

from . import catalogue
from .methods import ADMIN, Call, serves
from .names import project_id
from .paging import page
from .rejections import (
    Rejection,
    aborted,
    already_exists,
    failed_precondition,
    invalid,
    not_found,
)
from .state import CustomRole, State, new_etag

ROLE_ID = re.compile(r"[a-zA-Z0-9_.]{3,64}")
PARENT = re.compile(r"(projects)/([^/]+)|(organizations)/(\d+)")
FIELDS = ("title", "description", "included_permissions", "stage")
DISABLED = iam.Role.RoleLaunchStage.DISABLED
PREDEFINED_ETAG = b"\x00\x20\x01"


def permissions_of(state: State, role: str) -> set[str]:
    """Return what a role grants today: nothing when it is deleted or disabled."""
    predefined = catalogue.ROLES.get(role)
    if predefined is not None:
        return set(predefined.permissions)
    custom = state.roles.get(role)
    if custom is None or custom.deleted or custom.stage == DISABLED:
        return set()
    return set(custom.permissions)


def custom_message(role: CustomRole, *, full: bool = True) -> iam.Role:
    """Return a custom role as the service shows it."""
    return iam.Role(
        name=role.name,
        title=role.title,
        description=role.description,
        included_permissions=role.permissions if full else [],
        stage=role.stage,
        etag=role.etag,
        deleted=role.deleted,
    )


def predefined_message(role: catalogue.PredefinedRole, *, full: bool = True) -> iam.Role:
    """Return a predefined role as the service shows it."""
    return iam.Role(
        name=role.name,
        title=role.title,
        description=role.description,
        included_permissions=role.permissions if full else [],
        stage=iam.Role.RoleLaunchStage.GA,
        etag=PREDEFINED_ETAG,
    )


def parent_of(state: State, parent: str) -> str:
    """Return the canonical name of a project or an organization."""
    match = PARENT.fullmatch(parent)
    if not match or match[2] == "-":
        raise invalid("parent", f"Invalid parent: '{parent}'.")
    return f"projects/{project_id(state, match[2])}" if match[1] else parent


def custom_role(state: State, name: str) -> CustomRole:
    """Return the custom role of this name, which may be deleted."""
    parent, _, identity = name.rpartition("/roles/")
    if not parent or not ROLE_ID.fullmatch(identity):
        raise invalid("name", f"The role name must be in the form PARENT/roles/ID: '{name}'.")
    name = f"{parent_of(state, parent)}/roles/{identity}"
    role = state.roles.get(name)
    if role is None:
        raise not_found(f"The role named {name} was not found.")
    return role


def check_permissions(names: list[str]) -> list[str]:
    """Return the permissions in order, unless a custom role cannot hold one of them."""
    for name in names:
        if not catalogue.known(name):
            raise invalid("role.included_permissions", f"Permission {name} is not valid.")
        found = catalogue.PERMISSIONS.get(name)
        if found is not None and not found.in_custom_roles:
            raise invalid(
                "role.included_permissions", f"Permission {name} is not supported in custom roles."
            )
    return sorted(set(names))


def check_texts(role: iam.Role) -> None:
    """Reject a title or a description that is too long."""
    for field, limit in (("title", 100), ("description", 300)):
        if len(getattr(role, field).encode()) > limit:
            raise invalid(f"role.{field}", f"The {field} is longer than {limit} bytes.")


@serves(ADMIN)
def list_roles(call: Call, request: iam.ListRolesRequest) -> iam.ListRolesResponse:
    full = request.view == iam.RoleView.FULL
    if not request.parent:
        roles = [predefined_message(role, full=full) for role in catalogue.ROLES.values()]
    else:
        parent = parent_of(call.state, request.parent)
        roles = [
            custom_message(role, full=full)
            for role in custom_roles(call.state, parent)
            if request.show_deleted or not role.deleted
        ]
    chosen, token = page(
        roles,
        lambda role: role.name,
        request.page_size,
        request.page_token,
        of=f"{request.parent}/roles",
        default=300,
        maximum=1000,
    )
    return iam.ListRolesResponse(roles=chosen, next_page_token=token)


def custom_roles(state: State, parent: str) -> Iterator[CustomRole]:
    """Yield the custom roles of a parent, deleted ones too."""
    return (role for role in state.roles.values() if role.name.startswith(f"{parent}/roles/"))


@serves(ADMIN)
def get_role(call: Call, request: iam.GetRoleRequest) -> iam.Role:
    if request.name.startswith("roles/"):
        role = catalogue.ROLES.get(request.name)
        if role is None:
            raise not_found(f"The role named {request.name} was not found.")
        return predefined_message(role)
    return custom_message(custom_role(call.state, request.name))


@serves(ADMIN)
def create_role(call: Call, request: iam.CreateRoleRequest) -> iam.Role:
    parent = parent_of(call.state, request.parent)
    if not ROLE_ID.fullmatch(request.role_id):
        raise invalid(
            "role_id",
            f"The role_id '{request.role_id}' must have 3 to 64 letters, digits, "
            "underscores and periods.",
        )
    if request.role.name:
        raise invalid("role.name", "The role name must be empty: it follows from the role_id.")
    name = f"{parent}/roles/{request.role_id}"
    existing = call.state.roles.get(name)
    if existing is not None and existing.deleted:
        raise failed_precondition(
            f"You can't create a role_id ({request.role_id}) which has been marked for deletion."
        )
    if existing is not None:
        raise already_exists(f"A role named {request.role_id} in {parent} already exists.")
    check_texts(request.role)
    role = CustomRole(
        name,
        request.role.title,
        request.role.description,
        check_permissions(list(request.role.included_permissions)),
        request.role.stage,
    )
    call.state.roles[name] = role
    return custom_message(role)


def check_etag(role: CustomRole, etag: bytes) -> None:
    """Abort when the etag is stale."""
    if etag and etag != role.etag:
        raise aborted()


@serves(ADMIN)
def update_role(call: Call, request: iam.UpdateRoleRequest) -> iam.Role:
    if request.name.startswith("roles/"):
        raise Rejection(StatusCode.PERMISSION_DENIED, "A predefined role cannot be changed.")
    role = custom_role(call.state, request.name)
    if role.deleted:
        raise failed_precondition(f"You can't update the role {role.name}, which is deleted.")
    check_etag(role, request.role.etag)
    check_texts(request.role)
    fields = list(request.update_mask.paths) or list(FIELDS)
    for field in fields:
        if field not in FIELDS:
            raise invalid("update_mask", f"The field '{field}' of a role cannot be updated.")
    permissions = check_permissions(list(request.role.included_permissions))
    for field in fields:
        if field == "included_permissions":
            role.permissions = permissions
        else:
            setattr(role, field, getattr(request.role, field))
    role.etag = new_etag()
    return custom_message(role)


@serves(ADMIN)
def delete_role(call: Call, request: iam.DeleteRoleRequest) -> iam.Role:
    role = custom_role(call.state, request.name)
    if role.deleted:
        raise failed_precondition(f"You can't delete the role {role.name}, which is deleted.")
    return deleted(role, request.etag, True)


@serves(ADMIN)
def undelete_role(call: Call, request: iam.UndeleteRoleRequest) -> iam.Role:
    role = custom_role(call.state, request.name)
    if not role.deleted:
        raise failed_precondition(f"You can't undelete the role {role.name}: it is not deleted.")
    return deleted(role, request.etag, False)


def deleted(role: CustomRole, etag: bytes, state: bool) -> iam.Role:
    """Delete a role or take that back."""
    check_etag(role, etag)
    role.deleted = state
    role.etag = new_etag()
    return custom_message(role)
