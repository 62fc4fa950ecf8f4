"""Access policies (`iam_v3`): rules that allow or deny, in force where they are bound."""

from typing import Any

from ..api import kinds
from ..api.methods import ACCESS, Call, Rule, serves_versions
from ..api.rejections import invalid, too_long
from .principals import DELETED, EVERYONE, check_principals, check_tags

PERMISSIONS = {"eventarc.googleapis.com/messageBuses.publish"}
TAGS, EVENTS = "iam.googleapis.com", "eventarc.googleapis.com"
LONGEST_DESCRIPTION = 256
COLLECTION = "/{parent=*/*/locations/*}/accessPolicies"
NAME = "*/*/locations/*/accessPolicies/*"


def check(call: Call, policy: Any, field: str) -> None:
    """Reject a policy that the service would not store."""
    if "details" not in policy:
        return
    if not policy.details.rules:
        raise invalid(f"{field}.details.rules", "A policy needs at least one rule.")
    for position, rule in enumerate(policy.details.rules):
        check_rule(call, rule, f"{field}.details.rules[{position}]")


def check_rule(call: Call, rule: Any, field: str) -> None:
    """Reject a rule without effect, principals or permissions, or with wrong ones."""
    if not rule.effect:
        raise invalid(f"{field}.effect", "A rule needs an effect.")
    if len(rule.description or "") > LONGEST_DESCRIPTION:
        raise too_long(f"{field}.description", LONGEST_DESCRIPTION)
    if not rule.principals:
        raise invalid(f"{field}.principals", "A rule needs principals.")
    for name in ("principals", "excluded_principals"):
        check_names(call, list(getattr(rule, name)), f"{field}.{name}")
    if not rule.operation.permissions:
        raise invalid(f"{field}.operation.permissions", "A rule needs permissions.")
    for permission in (*rule.operation.permissions, *rule.operation.excluded_permissions):
        if permission not in PERMISSIONS:
            raise invalid(f"{field}.operation", f"Permission {permission} is not supported.")
    for service, condition in rule.conditions.items():
        check_condition(service, condition, f"{field}.conditions")


def check_names(call: Call, names: list[str], field: str) -> None:
    """Reject principals that an access policy cannot hold."""
    for name in names:
        if name == EVERYONE or DELETED.fullmatch(name):
            raise invalid(field, f"The principal {name} cannot be set.")
    check_principals(call.state, names, field)


def check_condition(service: str, condition: Any, field: str) -> None:
    """Reject a condition of an unknown service, and one about anything but tags."""
    if service not in (TAGS, EVENTS):
        raise invalid(field, f"Conditions of {service} are not supported.")
    if not condition.expression:
        raise invalid(field, "A condition needs an expression.")
    if service == TAGS:
        check_tags(condition, field)


KIND = kinds.Kind(
    "access_policy",
    "access_policies",
    ("projects", "folders", "organizations"),
    ("display_name", "annotations", "details"),
    "details",
    check,
)


@serves_versions(ACCESS, Rule("POST", COLLECTION, "access_policy"))
def create_access_policy(call: Call, request: Any) -> Any:
    return kinds.create(call, KIND, request)


@serves_versions(ACCESS, Rule("GET", f"/{{name={NAME}}}"))
def get_access_policy(call: Call, request: Any) -> Any:
    return kinds.get(call, KIND, request)


@serves_versions(ACCESS, Rule("PATCH", f"/{{access_policy.name={NAME}}}", "access_policy"))
def update_access_policy(call: Call, request: Any) -> Any:
    return kinds.update(call, KIND, request)


@serves_versions(ACCESS, Rule("DELETE", f"/{{name={NAME}}}"))
def delete_access_policy(call: Call, request: Any) -> Any:
    return kinds.delete(call, KIND, request)


@serves_versions(ACCESS, Rule("GET", COLLECTION))
def list_access_policies(call: Call, request: Any) -> Any:
    return kinds.list_page(call, KIND, request)


@serves_versions(ACCESS, Rule("GET", f"/{{name={NAME}}}:searchPolicyBindings"))
def search_access_policy_bindings(call: Call, request: Any) -> Any:
    return kinds.search_bindings(call, KIND, request, "SearchAccessPolicyBindingsResponse")
