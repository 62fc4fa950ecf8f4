"""Deny policies (`iam_v2`): attached to a project, a folder or an organization."""

import re
from typing import Any
from urllib.parse import quote, unquote

from ..api.methods import DENY, Call, Rule, serves_versions
from ..api.operations import begin
from ..api.paging import page
from ..api.rejections import already_exists, invalid, too_long
from ..api.resources import (
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
from ..api.state import State, now
from .principals import EVERYONE, check_permissions, check_principals, check_tags

PARENT = re.compile(r"policies/([^/]+)/denypolicies")
ATTACHMENT_POINT = re.compile(
    r"cloudresourcemanager\.googleapis\.com/(projects|folders|organizations)/([^/]+)"
)
PAGE = 1000
LONGEST_KEY, LONGEST_VALUE, LONGEST_DESCRIPTION = 63, 255, 256


def parent_of(state: State, parent: str, field: str = "parent") -> str:
    """Return the canonical parent of deny policies: a project is named by its number."""
    match = PARENT.fullmatch(parent)
    point = ATTACHMENT_POINT.fullmatch(unquote(match[1])) if match else None
    if not point:
        raise invalid(
            field,
            f"Invalid form for {field}: '{parent}'. Use policies/ATTACHMENT_POINT/denypolicies, "
            "with the URL-encoded full name of a project, a folder or an organization.",
        )
    _, number = container_of(state, point[1], point[2], field)
    return collection_at(point[1], number)


def collection_at(kind: str, number: str) -> str:
    """Return the parent of the deny policies of a project, a folder or an organization."""
    attached = f"cloudresourcemanager.googleapis.com/{kind}/{number}"
    return f"policies/{quote(attached, safe='')}/denypolicies"


def name_of(state: State, name: str, field: str = "name") -> str:
    """Return the canonical name of a deny policy."""
    parent, _, identity = name.rpartition("/")
    canonical = parent_of(state, parent, field)
    check_id(identity, field)
    return f"{canonical}/{identity}"


def check(state: State, policy: Any) -> None:
    """Reject a deny policy that the service would not store."""
    check_display_name(policy, "policy")
    for key, value in policy.annotations.items():
        if len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise invalid("policy.annotations", f"The annotation {key} is too long.")
    if not policy.rules:
        raise invalid("policy.rules", "A deny policy needs at least one rule.")
    for position, rule in enumerate(policy.rules):
        check_rule(state, rule, f"policy.rules[{position}]")


def check_rule(state: State, rule: Any, field: str) -> None:
    """Reject a rule that denies nothing to nobody, or names what does not exist."""
    if len(rule.description) > LONGEST_DESCRIPTION:
        raise too_long(f"{field}.description", LONGEST_DESCRIPTION)
    if "deny_rule" not in rule:
        raise invalid(field, "A rule of a deny policy must be a deny rule.")
    deny, field = rule.deny_rule, f"{field}.deny_rule"
    for name in ("denied_principals", "denied_permissions"):
        if not getattr(deny, name):
            raise invalid(f"{field}.{name}", f"A deny rule needs {name.replace('_', ' ')}.")
    if EVERYONE in deny.exception_principals:
        raise invalid(f"{field}.exception_principals", f"{EVERYONE} cannot be an exception.")
    for name in ("denied_principals", "exception_principals"):
        check_principals(state, getattr(deny, name), f"{field}.{name}")
    for name in ("denied_permissions", "exception_permissions"):
        check_permissions(getattr(deny, name), f"{field}.{name}")
    if "denial_condition" in deny:
        check_tags(deny.denial_condition, f"{field}.denial_condition")


def answer(call: Call, policy: Any) -> Any:
    """Return the operation that ends with a policy."""
    metadata = call.types.PolicyOperationMetadata(create_time=now())
    return begin(call, policy.name, in_version(call, policy), metadata)


@serves_versions(DENY, Rule("GET", "/{parent=policies/*/*}"))
def list_policies(call: Call, request: Any) -> Any:
    parent = parent_of(call.state, request.parent)
    chosen, token = page(
        owned(call.state, parent),
        lambda policy: policy.name,
        PAGE,
        request.page_token,
        of=parent,
        default=PAGE,
        maximum=PAGE,
    )
    policies = [in_version(call, policy) for policy in chosen]
    for policy in policies:
        policy.rules = []
    return call.types.ListPoliciesResponse(policies=policies, next_page_token=token)


@serves_versions(DENY, Rule("GET", "/{name=policies/*/*/*}"))
def get_policy(call: Call, request: Any) -> Any:
    return in_version(call, stored(call.state, name_of(call.state, request.name)))


@serves_versions(DENY, Rule("POST", "/{parent=policies/*/*}", "policy"))
def create_policy(call: Call, request: Any) -> Any:
    parent = parent_of(call.state, request.parent)
    check_id(request.policy_id, "policy_id")
    policy = in_version(call, request.policy)
    check(call.state, policy)
    name = f"{parent}/{request.policy_id}"
    if name in call.state.resources:
        raise already_exists(f"Policy {name} already exists.")
    policy.kind, policy.delete_time = "DenyPolicy", None
    mark_created(policy, name)
    call.state.resources[name] = policy
    return answer(call, policy)


@serves_versions(DENY, Rule("PUT", "/{policy.name=policies/*/*/*}", "policy"))
def update_policy(call: Call, request: Any) -> Any:
    policy = stored(call.state, name_of(call.state, request.policy.name, "policy.name"))
    check_etag(policy, request.policy.etag)
    wanted = converted(request.policy, type(policy))
    check(call.state, wanted)
    policy.rules = wanted.rules
    policy.display_name = wanted.display_name
    mark_changed(policy)
    return answer(call, policy)


@serves_versions(DENY, Rule("DELETE", "/{name=policies/*/*/*}"))
def delete_policy(call: Call, request: Any) -> Any:
    policy = stored(call.state, name_of(call.state, request.name))
    check_etag(policy, request.etag)
    del call.state.resources[policy.name]
    policy.delete_time = now()
    return answer(call, policy)
