"""Questions about roles and permissions."""

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1

IAM = iam_admin_v1.IAMClient
Account = iam_admin_v1.ServiceAccount
PROJECT = "//cloudresourcemanager.googleapis.com/projects/iam-cookbook"


def test_grantable_roles_fit_the_resource(admin: IAM, account: Account) -> None:
    """A project takes every predefined role, a service account only those that matter to it."""
    on_project = {
        role.name for role in admin.query_grantable_roles(full_resource_name=PROJECT, timeout=10)
    }
    on_account = {
        role.name
        for role in admin.query_grantable_roles(
            full_resource_name=f"//iam.googleapis.com/{account.name}", timeout=10
        )
    }
    assert "roles/iam.serviceAccountUser" in on_account < on_project
    assert "roles/pubsub.publisher" in on_project - on_account


def test_grantable_roles_include_live_custom_roles(admin: IAM, project: str, new_id: str) -> None:
    """A custom role of the project is grantable until it is deleted; FULL shows permissions."""
    role = admin.create_role(
        request={
            "parent": project,
            "role_id": new_id.replace("-", "_"),
            "role": {"included_permissions": ["iam.serviceAccounts.get"]},
        },
        timeout=10,
    )
    request = iam_admin_v1.QueryGrantableRolesRequest(
        full_resource_name=PROJECT, view=iam_admin_v1.RoleView.FULL, page_size=10
    )

    def found() -> dict[str, iam_admin_v1.Role]:
        return {r.name: r for r in admin.query_grantable_roles(request=request, timeout=10)}

    assert list(found()[role.name].included_permissions) == ["iam.serviceAccounts.get"]
    admin.delete_role(request={"name": role.name}, timeout=10)
    assert role.name not in found()


def test_testable_permissions_come_in_pages(admin: IAM, account: Account) -> None:
    """Those of an account are those that test_iam_permissions takes."""
    pager = admin.query_testable_permissions(
        request={"full_resource_name": f"//iam.googleapis.com/{account.name}", "page_size": 5},
        timeout=10,
    )
    names = [permission.name for permission in pager]
    assert len(names) == len(set(names)) > 15
    admin.test_iam_permissions(resource=account.name, permissions=names, timeout=10)


def test_a_project_has_more_testable_permissions(admin: IAM) -> None:
    """The default page holds 100; one that custom roles cannot have says so."""
    pager = admin.query_testable_permissions(request={"full_resource_name": PROJECT}, timeout=10)
    assert len(next(iter(pager.pages)).permissions) == 100
    pager = admin.query_testable_permissions(
        request={"full_resource_name": PROJECT, "page_size": 1000}, timeout=10
    )
    support = {found.name: found.custom_roles_support_level for found in pager}
    levels = iam_admin_v1.Permission.CustomRolesSupportLevel
    assert support["resourcemanager.projects.list"] == levels.NOT_SUPPORTED
    assert support["storage.objects.get"] == levels.SUPPORTED


def test_auditable_services_name_iam(admin: IAM) -> None:
    """A project can log the data access of IAM itself."""
    response = admin.query_auditable_services(request={"full_resource_name": PROJECT}, timeout=10)
    assert "iam.googleapis.com" in [service.name for service in response.services]


@pytest.mark.parametrize("name", ["", "projects/iam-cookbook", "//example.com/x"])
def test_a_bad_resource_name_is_invalid(admin: IAM, name: str) -> None:
    """By all four methods that take one."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.query_grantable_roles(full_resource_name=name, timeout=10)
    for call in (admin.query_testable_permissions, admin.query_auditable_services):
        with pytest.raises(exceptions.InvalidArgument):
            call(request={"full_resource_name": name}, timeout=10)


def test_a_missing_project_is_not_found(admin: IAM) -> None:
    """The resource must exist."""
    name = "//cloudresourcemanager.googleapis.com/projects/nobody"
    with pytest.raises(exceptions.NotFound):
        admin.query_grantable_roles(full_resource_name=name, timeout=10)
