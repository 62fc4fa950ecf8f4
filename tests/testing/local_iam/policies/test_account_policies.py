"""Policies of service accounts, and what they permit."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

from collections.abc import Callable

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1
from google.iam.v1 import (  # type: ignore[import-untyped]
    iam_policy_pb2,
    options_pb2,
    policy_pb2,
)
from google.type import expr_pb2  # type: ignore[import-untyped]

from recipes.testing.local_iam import LocalIAM

IAM = iam_admin_v1.IAMClient
Account = iam_admin_v1.ServiceAccount
Grant = Callable[..., policy_pb2.Policy]
USER = "roles/iam.serviceAccountUser"
ACT_AS = "iam.serviceAccounts.actAs"
SIGN = "iam.serviceAccounts.signBlob"


@pytest.fixture
def grant(admin: IAM, account: Account) -> Grant:
    """Set the policy of the test's account: `grant(role, members, condition)`."""

    def set_policy(
        role: str, members: list[str], condition: str = "", version: int = 3
    ) -> policy_pb2.Policy:
        binding = policy_pb2.Binding(role=role, members=members)
        if condition:
            binding.condition.CopyFrom(expr_pb2.Expr(title="t", expression=condition))
        policy = policy_pb2.Policy(version=version, bindings=[binding])
        return admin.set_iam_policy(
            request={"resource": account.name, "policy": policy}, timeout=10
        )

    return set_policy


def allowed(admin: IAM, account: Account, *permissions: str) -> list[str]:
    """Return which permissions the caller has on an account."""
    response = admin.test_iam_permissions(
        resource=account.name, permissions=list(permissions), timeout=10
    )
    return list(response.permissions)


def test_a_new_account_has_an_empty_policy(admin: IAM, account: Account) -> None:
    """It has no bindings, and the etag that the service gives to such a policy."""
    policy = admin.get_iam_policy(resource=account.name, timeout=10)
    assert policy == policy_pb2.Policy(etag=b"\x00\x20\x01")


def test_a_policy_is_kept_merged_and_sorted(admin: IAM, account: Account) -> None:
    """Bindings of the same role become one; members are sorted and named once."""
    policy = policy_pb2.Policy(
        bindings=[
            policy_pb2.Binding(role=USER, members=["user:b@example.com", "user:a@example.com"]),
            policy_pb2.Binding(role=USER, members=["user:a@example.com"]),
            policy_pb2.Binding(role="roles/iam.serviceAccountViewer", members=[]),
        ]
    )
    stored = admin.set_iam_policy(request={"resource": account.name, "policy": policy}, timeout=10)
    assert [(b.role, list(b.members)) for b in stored.bindings] == [
        (USER, ["user:a@example.com", "user:b@example.com"])
    ]
    assert admin.get_iam_policy(resource=account.name, timeout=10) == stored


def test_a_stale_etag_aborts(admin: IAM, account: Account, grant: Grant) -> None:
    """Of two read-modify-writes that began together the second is ABORTED."""
    read = admin.get_iam_policy(resource=account.name, timeout=10)
    request = {"resource": account.name, "policy": read}
    first = admin.set_iam_policy(request=request, timeout=10)
    assert first.etag != read.etag
    with pytest.raises(exceptions.Aborted):
        admin.set_iam_policy(request=request, timeout=10)
    grant(USER, ["user:a@example.com"])


@pytest.mark.parametrize(
    ("paths", "member"), [(["etag"], "user:a@example.com"), (["bindings"], "user:b@example.com")]
)
def test_an_update_mask_says_whether_bindings_change(
    admin: IAM, account: Account, grant: Grant, paths: list[str], member: str
) -> None:
    """Without `bindings` in the mask those that are stored stay."""
    grant(USER, ["user:a@example.com"])
    other = policy_pb2.Policy(
        bindings=[policy_pb2.Binding(role=USER, members=["user:b@example.com"])]
    )
    request = iam_policy_pb2.SetIamPolicyRequest(
        resource=account.name, policy=other, update_mask={"paths": paths}
    )
    stored = admin.set_iam_policy(request=request, timeout=10)
    assert [list(binding.members) for binding in stored.bindings] == [[member]]
    assert admin.get_iam_policy(resource=account.name, timeout=10).bindings == stored.bindings


@pytest.mark.parametrize(
    ("role", "member"),
    [
        ("roles/nothing", "user:a@example.com"),
        ("roles/pubsub.publisher", "user:a@example.com"),
        ("projects/iam-cookbook/roles/nothing", "user:a@example.com"),
        (USER, "a@example.com"),
        (USER, "robot:a@example.com"),
        (USER, "serviceAccount:nobody@iam-cookbook.iam.gserviceaccount.com"),
    ],
)
def test_a_bad_binding_is_invalid(grant: Grant, role: str, member: str) -> None:
    """A role that cannot be granted here, a member of no known form, a missing account."""
    with pytest.raises(exceptions.InvalidArgument):
        grant(role, [member])


def test_a_condition_needs_version_3(grant: Grant) -> None:
    """An older version with a condition is INVALID_ARGUMENT, and so is one that does not parse."""
    with pytest.raises(exceptions.InvalidArgument):
        grant(USER, ["allUsers"], "true", version=1)
    with pytest.raises(exceptions.InvalidArgument):
        grant(USER, ["allUsers"], "request.time <")


def test_a_condition_is_hidden_from_old_versions(
    admin: IAM, account: Account, grant: Grant
) -> None:
    """Without version 3 in the request the binding has a made-up role and no condition."""
    stored = grant(USER, ["allUsers"], "true")
    (shown,) = admin.get_iam_policy(resource=account.name, timeout=10).bindings
    assert shown.role.startswith(f"{USER}_withcond_")
    assert not shown.HasField("condition")
    request = iam_policy_pb2.GetIamPolicyRequest(
        resource=account.name, options=options_pb2.GetPolicyOptions(requested_policy_version=3)
    )
    assert admin.get_iam_policy(request=request, timeout=10) == stored


@pytest.mark.parametrize("member", ["allUsers", "allAuthenticatedUsers", "caller"])
def test_permissions_are_those_of_the_policy(
    admin: IAM, account: Account, grant: Grant, local_iam: LocalIAM, member: str
) -> None:
    """Nothing before the grant; after it what the role holds, and no more."""
    assert allowed(admin, account, ACT_AS, SIGN) == []
    grant(USER, [f"serviceAccount:{local_iam.caller}" if member == "caller" else member])
    assert allowed(admin, account, SIGN, ACT_AS) == [ACT_AS]


def test_a_grant_to_others_permits_nothing(
    admin: IAM, account: Account, grant: Grant, local_iam: LocalIAM
) -> None:
    """Another user and another account are not the caller."""
    other = local_iam.service_accounts[0]
    grant(USER, ["user:a@example.com", f"serviceAccount:{other}"])
    assert allowed(admin, account, ACT_AS) == []


def test_a_custom_role_permits_while_it_lives(
    admin: IAM, account: Account, grant: Grant, project: str, new_id: str
) -> None:
    """Deleted it permits nothing, undeleted again, disabled nothing; deleted it is not granted."""
    role = admin.create_role(
        request={
            "parent": project,
            "role_id": new_id.replace("-", "_"),
            "role": {"included_permissions": [SIGN]},
        },
        timeout=10,
    )
    grant(role.name, ["allUsers"])
    assert allowed(admin, account, SIGN) == [SIGN]
    admin.delete_role(request={"name": role.name}, timeout=10)
    assert allowed(admin, account, SIGN) == []
    with pytest.raises(exceptions.InvalidArgument):
        grant(role.name, ["allUsers"])
    admin.undelete_role(request={"name": role.name}, timeout=10)
    assert allowed(admin, account, SIGN) == [SIGN]
    disabled = {"stage": iam_admin_v1.Role.RoleLaunchStage.DISABLED}
    admin.update_role(
        request={"name": role.name, "role": disabled, "update_mask": {"paths": ["stage"]}},
        timeout=10,
    )
    assert allowed(admin, account, SIGN) == []


@pytest.mark.parametrize(
    ("condition", "permits"),
    [
        ('request.time < timestamp("2999-01-01T00:00:00Z")', True),
        ('request.time < timestamp("2001-01-01T00:00:00Z")', False),
        ('resource.name.endsWith("nobody@example.com")', False),
        ('resource.type == "iam.googleapis.com/ServiceAccount"', True),
    ],
)
def test_a_condition_decides(
    admin: IAM, account: Account, grant: Grant, condition: str, permits: bool
) -> None:
    """A binding counts while its condition is true."""
    grant(USER, ["allUsers"], condition)
    assert allowed(admin, account, ACT_AS) == ([ACT_AS] if permits else [])


@pytest.mark.parametrize("permission", ["iam.serviceAccounts.*", "storage.objects.get", ""])
def test_a_permission_of_something_else_is_invalid(
    admin: IAM, account: Account, permission: str
) -> None:
    """Wildcards, and permissions that a service account does not have, are INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        allowed(admin, account, permission)


def test_a_policy_names_a_deleted_account_as_deleted(
    admin: IAM, account: Account, grant: Grant, project: str, new_id: str
) -> None:
    """A member that is deleted carries its unique id, until it is undeleted."""
    member = admin.create_service_account(name=project, account_id=f"m{new_id}", timeout=10)

    def members() -> list[str]:
        policy = admin.get_iam_policy(resource=account.name, timeout=10)
        return list(policy.bindings[0].members)

    grant(USER, [f"serviceAccount:{member.email}"])
    admin.delete_service_account(name=member.name, timeout=10)
    assert members() == [f"deleted:serviceAccount:{member.email}?uid={member.unique_id}"]
    name = f"projects/-/serviceAccounts/{member.unique_id}"
    admin.undelete_service_account(request={"name": name}, timeout=10)
    assert members() == [f"serviceAccount:{member.email}"]


def test_the_policy_of_a_missing_account_is_not_found(admin: IAM, project: str) -> None:
    """By all three methods."""
    name = f"{project}/serviceAccounts/nobody@example.com"
    for call in (
        lambda: admin.get_iam_policy(resource=name, timeout=10),
        lambda: admin.set_iam_policy(request={"resource": name}, timeout=10),
        lambda: admin.test_iam_permissions(resource=name, permissions=[ACT_AS], timeout=10),
    ):
        with pytest.raises(exceptions.NotFound):
            call()
