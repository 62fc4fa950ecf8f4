"""Questions about roles and permissions."""

import re

from google.cloud.iam_admin_v1.types import iam

from . import catalogue
from .methods import ADMIN, Call, serves
from .names import account_of, project_id
from .paging import page
from .rejections import invalid
from .roles import custom_message, custom_roles, predefined_message
from .state import State

SERVICE_ACCOUNT = re.compile(r"//iam\.googleapis\.com/(projects/[^/]+/serviceAccounts/[^/]+)")
CONTAINER = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(projects|folders|organizations)/([^/]+)"
)
OTHER = re.compile(r"//[a-z]+\.googleapis\.com/\S+")
SUPPORT = iam.Permission.CustomRolesSupportLevel


def resource_of(state: State, name: str) -> tuple[str, bool]:
    """Return where a resource keeps its custom roles, and whether it is a service account."""
    match = SERVICE_ACCOUNT.fullmatch(name)
    if match:
        account = account_of(state, match[1], "iam.serviceAccounts.get", "full_resource_name")
        return f"projects/{account.project}", True
    match = CONTAINER.fullmatch(name)
    if match:
        identity = project_id(state, match[2]) if match[1] == "projects" else match[2]
        return f"{match[1]}/{identity}", False
    if not OTHER.fullmatch(name):
        raise invalid("full_resource_name", f"Invalid full resource name: '{name}'.")
    return "", False


@serves(ADMIN)
def query_grantable_roles(
    call: Call, request: iam.QueryGrantableRolesRequest
) -> iam.QueryGrantableRolesResponse:
    parent, is_account = resource_of(call.state, request.full_resource_name)
    full = request.view == iam.RoleView.FULL
    roles = [
        predefined_message(role, full=full)
        for role in catalogue.ROLES.values()
        if role.on_service_account or not is_account
    ]
    roles += [
        custom_message(role, full=full)
        for role in custom_roles(call.state, parent)
        if not role.deleted
    ]
    chosen, token = page(
        roles,
        lambda role: role.name,
        request.page_size,
        request.page_token,
        of=f"{request.full_resource_name}/grantable",
        default=300,
        maximum=1000,
    )
    return iam.QueryGrantableRolesResponse(roles=chosen, next_page_token=token)


@serves(ADMIN)
def query_testable_permissions(
    call: Call, request: iam.QueryTestablePermissionsRequest
) -> iam.QueryTestablePermissionsResponse:
    _, is_account = resource_of(call.state, request.full_resource_name)
    names = catalogue.ON_SERVICE_ACCOUNT if is_account else catalogue.PERMISSIONS
    chosen, token = page(
        names,
        str,
        request.page_size,
        request.page_token,
        of=f"{request.full_resource_name}/testable",
        default=100,
        maximum=1000,
    )
    return iam.QueryTestablePermissionsResponse(
        permissions=[permission(name) for name in chosen], next_page_token=token
    )


def permission(name: str) -> iam.Permission:
    """Return a permission as the service shows it."""
    supported = catalogue.PERMISSIONS[name].in_custom_roles
    return iam.Permission(
        name=name,
        stage=iam.Permission.PermissionLaunchStage.GA,
        custom_roles_support_level=SUPPORT.SUPPORTED if supported else SUPPORT.NOT_SUPPORTED,
    )


@serves(ADMIN)
def query_auditable_services(
    call: Call, request: iam.QueryAuditableServicesRequest
) -> iam.QueryAuditableServicesResponse:
    _, is_account = resource_of(call.state, request.full_resource_name)
    names = () if is_account else catalogue.AUDITABLE_SERVICES
    service = iam.QueryAuditableServicesResponse.AuditableService
    return iam.QueryAuditableServicesResponse(services=[service(name=name) for name in names])
