"""The policies of service accounts, and what they permit."""

import hashlib
import re
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2  # type: ignore[import-untyped]

from ..api import catalogue
from ..api.methods import ADMIN, Call, serves
from ..api.names import account_of
from ..api.rejections import aborted, invalid
from ..api.roles import permissions_of
from ..api.state import Account, State, new_etag
from .conditions import ConditionError, holds, parse
from .denials import denied

MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers"
    r"|(user|group|serviceAccount):[^@\s]+@[^@\s]+"
    r"|domain:[^@\s]+|(projectOwner|projectEditor|projectViewer):\S+"
    r"|deleted:(user|group|serviceAccount):[^@\s]+@[^@\s]+\?uid=\d+"
    r"|serviceAccount:[^@\s]+\.svc\.id\.goog\[\S+\]"
    r"|principal(Set)?://\S+"
)
MOST_MEMBERS = 1500


@serves(ADMIN)
def get_iam_policy(call: Call, request: iam_policy_pb2.GetIamPolicyRequest) -> policy_pb2.Policy:
    version = request.options.requested_policy_version
    if version not in (0, 1, 3):
        raise invalid("options.requested_policy_version", f"{version} is not a policy version.")
    account = account_of(
        call.state, request.resource, "iam.serviceAccounts.getIamPolicy", "resource"
    )
    return shown(account.policy, version)


def shown(policy: Any, version: int) -> Any:
    """Return the policy as a caller of this version may see it.

    One that did not ask for version 3 sees a conditional binding under a made-up role.
    """
    answer = policy_pb2.Policy()
    answer.CopyFrom(policy)
    if version < 3:
        for binding in answer.bindings:
            if binding.HasField("condition"):
                digest = hashlib.sha256(binding.condition.SerializeToString()).hexdigest()
                binding.role += f"_withcond_{digest[:20]}"
                binding.ClearField("condition")
        answer.version = 1 if answer.bindings else 0
    return answer


@serves(ADMIN)
def set_iam_policy(call: Call, request: iam_policy_pb2.SetIamPolicyRequest) -> policy_pb2.Policy:
    account = account_of(
        call.state, request.resource, "iam.serviceAccounts.setIamPolicy", "resource"
    )
    wanted = request.policy
    for path in request.update_mask.paths:
        if path not in ("bindings", "etag", "version"):
            raise invalid("update_mask", f"The field '{path}' of this policy cannot be set.")
    if wanted.etag and wanted.etag != account.policy.etag:
        raise aborted()
    check(call.state, account, wanted)
    bindings = policy_pb2.Policy(version=wanted.version, etag=new_etag())
    if request.update_mask.paths and "bindings" not in request.update_mask.paths:
        bindings.bindings.extend(account.policy.bindings)
    else:
        bindings.bindings.extend(merged(wanted.bindings))
    bindings.version = bindings.version or (1 if bindings.bindings else 0)
    account.policy = bindings
    return shown(account.policy, 3)


def merged(bindings: Any) -> list[Any]:
    """Return the bindings sorted, with one for each role and condition, without empty ones."""
    found: dict[tuple[str, bytes], Any] = {}
    for binding in bindings:
        key = (binding.role, binding.condition.SerializeToString())
        kept = found.setdefault(key, policy_pb2.Binding(role=binding.role))
        if binding.HasField("condition"):
            kept.condition.CopyFrom(binding.condition)
        kept.members[:] = sorted({*kept.members, *binding.members})
    return [found[key] for key in sorted(found) if found[key].members]


def check(state: State, account: Account, policy: Any) -> None:
    """Reject a policy that the service would not store."""
    if policy.version not in (0, 1, 3):
        raise invalid("policy.version", f"{policy.version} is not a policy version.")
    if policy.audit_configs:
        raise invalid("policy.audit_configs", "A service account has no audit configuration.")
    if sum(len(binding.members) for binding in policy.bindings) > MOST_MEMBERS:
        raise invalid("policy.bindings", f"A policy holds at most {MOST_MEMBERS} members.")
    for position, binding in enumerate(policy.bindings):
        field = f"policy.bindings[{position}]"
        check_role(state, account, binding.role, f"{field}.role")
        for member in binding.members:
            check_member(state, member, f"{field}.members")
        if binding.HasField("condition"):
            check_condition(policy.version, binding.condition, f"{field}.condition")


def check_role(state: State, account: Account, role: str, field: str) -> None:
    """Reject a role that does not exist or cannot be granted on a service account."""
    custom = state.roles.get(role)
    if custom is not None and not custom.deleted and role_fits(role, account.project):
        return
    predefined = catalogue.ROLES.get(role)
    if predefined is None or not predefined.on_service_account:
        raise invalid(field, f"Role {role} is not supported for this resource.")


def role_fits(role: str, project: str) -> bool:
    """Say whether a custom role may be used in the project."""
    return role.startswith((f"projects/{project}/", "organizations/"))


def check_member(state: State, member: str, field: str) -> None:
    """Reject a member of a wrong form, and a service account of ours that does not exist."""
    if not MEMBER.fullmatch(member):
        raise invalid(field, f"The member {member} is of an unknown type or form.")
    kind, _, identity = member.partition(":")
    project = identity.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    if kind == "serviceAccount" and project in state.projects and not state.account(identity):
        raise invalid(field, f"Service account {identity} does not exist.")


def check_condition(version: int, condition: Any, field: str) -> None:
    """Reject a condition in an old policy version, and one that does not parse."""
    if version != 3:
        raise invalid("policy.version", "A policy with a condition must have version 3.")
    if not condition.title:
        raise invalid(f"{field}.title", "A condition needs a title.")
    try:
        parse(condition.expression)
    except ConditionError as error:
        raise invalid(f"{field}.expression", str(error)) from None


def permitted(state: State, account: Account, caller: str) -> set[str]:
    """Return what the policy of the account permits the caller, and its project does not deny."""
    members = {"allUsers", "allAuthenticatedUsers", f"serviceAccount:{caller}"}
    granted: set[str] = set()
    for binding in account.policy.bindings:
        if members.isdisjoint(binding.members):
            continue
        if binding.HasField("condition") and not holds(binding.condition.expression, account.name):
            continue
        granted |= permissions_of(state, binding.role)
    return granted - denied(state, account.project, caller, granted)


@serves(ADMIN)
def test_iam_permissions(
    call: Call, request: iam_policy_pb2.TestIamPermissionsRequest
) -> iam_policy_pb2.TestIamPermissionsResponse:
    account = account_of(call.state, request.resource, "iam.serviceAccounts.get", "resource")
    for permission in request.permissions:
        if permission not in catalogue.ON_SERVICE_ACCOUNT:
            raise invalid("permissions", f"Permission {permission} is not valid for this resource.")
    granted = permitted(call.state, account, call.caller)
    return iam_policy_pb2.TestIamPermissionsResponse(
        permissions=[name for name in dict.fromkeys(request.permissions) if name in granted]
    )
