"""Predefined and custom roles."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1

IAM = iam_admin_v1.IAMClient
Role = iam_admin_v1.Role
FULL = iam_admin_v1.RoleView.FULL


@pytest.fixture
def role(admin: IAM, project: str, new_id: str) -> Role:
    """Create a custom role for one test."""
    return admin.create_role(
        request={
            "parent": project,
            "role_id": new_id.replace("-", "_"),
            "role": {
                "title": "Readers",
                "included_permissions": ["iam.serviceAccounts.list", "iam.serviceAccounts.get"],
                "stage": Role.RoleLaunchStage.GA,
            },
        },
        timeout=10,
    )


def listed(admin: IAM, parent: str, **request: object) -> dict[str, Role]:
    """Return the roles of a parent by name."""
    roles = admin.list_roles(request={"parent": parent, **request}, timeout=10)
    return {role.name: role for role in roles}


def test_a_created_role_can_be_read(admin: IAM, role: Role) -> None:
    """Its permissions come sorted."""
    assert admin.get_role(request={"name": role.name}, timeout=10) == role
    assert list(role.included_permissions) == [
        "iam.serviceAccounts.get",
        "iam.serviceAccounts.list",
    ]


def test_an_organization_has_roles_too(admin: IAM, new_id: str) -> None:
    """A role of an organization is listed there."""
    role = admin.create_role(
        request={"parent": "organizations/123", "role_id": new_id.replace("-", ".")}, timeout=10
    )
    assert listed(admin, "organizations/123")[role.name].name == role.name


@pytest.mark.parametrize(
    ("role_id", "role"),
    [
        ("ab", {}),
        ("a-hyphen", {}),
        ("x" * 65, {}),
        ("named", {"name": "roles/x"}),
        ("unknown", {"included_permissions": ["iam.serviceAccounts.fly"]}),
        ("formless", {"included_permissions": ["everything"]}),
        ("unsupported", {"included_permissions": ["resourcemanager.projects.list"]}),
        ("long", {"title": "x" * 101}),
    ],
)
def test_a_bad_role_is_invalid(
    admin: IAM, project: str, role_id: str, role: dict[str, object]
) -> None:
    """A wrong id, a given name, a permission that is none or not for custom roles."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.create_role(request={"parent": project, "role_id": role_id, "role": role}, timeout=10)


@pytest.mark.parametrize("parent", ["", "projects/-", "folders/1", "organizations/name"])
def test_a_bad_parent_is_invalid(admin: IAM, parent: str) -> None:
    """Custom roles live in a project or an organization."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.create_role(request={"parent": parent, "role_id": "good_id"}, timeout=10)


def test_a_role_is_created_once(admin: IAM, project: str, role: Role) -> None:
    """A second creation is ALREADY_EXISTS, after a deletion FAILED_PRECONDITION."""
    request = {"parent": project, "role_id": role.name.rpartition("/")[2]}
    with pytest.raises(exceptions.AlreadyExists):
        admin.create_role(request=request, timeout=10)
    admin.delete_role(request={"name": role.name}, timeout=10)
    with pytest.raises(exceptions.FailedPrecondition):
        admin.create_role(request=request, timeout=10)


def test_update_changes_what_the_mask_names(admin: IAM, role: Role) -> None:
    """The title changes, the permissions stay."""
    updated = admin.update_role(
        request={"name": role.name, "role": {"title": "T"}, "update_mask": {"paths": ["title"]}},
        timeout=10,
    )
    assert updated.title == "T"
    assert updated.included_permissions == role.included_permissions
    assert updated.etag != role.etag


def test_update_without_a_mask_replaces_everything(admin: IAM, role: Role) -> None:
    """What the request leaves out becomes empty."""
    updated = admin.update_role(
        request={"name": role.name, "role": {"description": "d"}}, timeout=10
    )
    assert (updated.title, updated.description) == ("", "d")
    assert not updated.included_permissions


def test_update_rejects_other_fields(admin: IAM, role: Role) -> None:
    """A field that is read-only is INVALID_ARGUMENT, a predefined role PERMISSION_DENIED."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.update_role(
            request={"name": role.name, "update_mask": {"paths": ["deleted"]}}, timeout=10
        )
    with pytest.raises(exceptions.PermissionDenied):
        admin.update_role(request={"name": "roles/viewer", "role": {"title": "T"}}, timeout=10)


def writers(admin: IAM, role: Role) -> list[Callable[[], Role]]:
    """Return the methods that take an etag."""
    stale = {"name": role.name, "etag": role.etag}
    return [
        lambda: admin.update_role(request={"name": role.name, "role": stale}, timeout=10),
        lambda: admin.delete_role(request=stale, timeout=10),
    ]


def test_a_stale_etag_aborts(admin: IAM, role: Role) -> None:
    """Of update, delete and undelete."""
    admin.update_role(request={"name": role.name, "role": role}, timeout=10)
    for write in writers(admin, role):
        with pytest.raises(exceptions.Aborted):
            write()
    admin.delete_role(request={"name": role.name}, timeout=10)
    with pytest.raises(exceptions.Aborted):
        admin.undelete_role(request={"name": role.name, "etag": role.etag}, timeout=10)


def test_a_deleted_role_is_hidden_until_it_is_undeleted(
    admin: IAM, project: str, role: Role
) -> None:
    """Get shows it as deleted, list only on request, update refuses it, undelete restores it."""
    deleted = admin.delete_role(request={"name": role.name, "etag": role.etag}, timeout=10)
    assert deleted.deleted is True
    assert admin.get_role(request={"name": role.name}, timeout=10) == deleted
    assert role.name not in listed(admin, project)
    assert listed(admin, project, show_deleted=True)[role.name].deleted is True
    with pytest.raises(exceptions.FailedPrecondition):
        admin.update_role(request={"name": role.name, "role": {"title": "T"}}, timeout=10)
    with pytest.raises(exceptions.FailedPrecondition):
        admin.delete_role(request={"name": role.name}, timeout=10)
    restored = admin.undelete_role(request={"name": role.name}, timeout=10)
    assert restored.deleted is False
    assert role.name in listed(admin, project)
    with pytest.raises(exceptions.FailedPrecondition):
        admin.undelete_role(request={"name": role.name}, timeout=10)


@pytest.mark.parametrize("name", ["roles/nothing", "projects/iam-cookbook/roles/nothing"])
def test_a_missing_role_is_not_found(admin: IAM, name: str) -> None:
    """Predefined or custom."""
    with pytest.raises(exceptions.NotFound):
        admin.get_role(request={"name": name}, timeout=10)


def test_a_view_decides_about_permissions(admin: IAM, project: str, role: Role) -> None:
    """BASIC leaves them out, FULL returns them."""
    assert not listed(admin, project)[role.name].included_permissions
    assert listed(admin, project, view=FULL)[role.name] == role


def test_predefined_roles_are_listed_in_pages(admin: IAM) -> None:
    """Pages of 7 hold them all, and the token creator may create tokens."""
    whole = listed(admin, "")
    paged = listed(admin, "", page_size=7, view=FULL)
    assert list(paged) == list(whole)
    assert len(whole) > 40
    creator = paged["roles/iam.serviceAccountTokenCreator"]
    assert "iam.serviceAccounts.getAccessToken" in creator.included_permissions
