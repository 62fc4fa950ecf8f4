"""Principal access boundary policies (`iam_v3`): to which resources principals are confined."""

import re
from typing import Any

from ..api import kinds
from ..api.methods import BOUNDARIES, Call, Rule, serves_versions
from ..api.rejections import invalid, too_long

RESOURCE = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/((folders|organizations)/\d+|projects/[^/\s]+)"
)
NEWEST_ENFORCEMENT = "3"
MOST_RULES = MOST_RESOURCES = 500
LONGEST_DESCRIPTION = 256
FIELD = "principal_access_boundary_policy"
COLLECTION = "/{parent=organizations/*/locations/*}/principalAccessBoundaryPolicies"
NAME = "organizations/*/locations/*/principalAccessBoundaryPolicies/*"


def check(call: Call, policy: Any, field: str) -> None:
    """Reject a policy that the service would not store; fill in the enforcement version."""
    if "details" not in policy:
        return
    details = policy.details
    if not 0 < len(details.rules) <= MOST_RULES:
        raise invalid(f"{field}.details.rules", f"A policy has 1 to {MOST_RULES} rules.")
    if sum(len(rule.resources) for rule in details.rules) > MOST_RESOURCES:
        raise invalid(f"{field}.details.rules", f"A policy has at most {MOST_RESOURCES} resources.")
    for position, rule in enumerate(details.rules):
        check_rule(rule, f"{field}.details.rules[{position}]")
    if not re.fullmatch(r"[1-9]\d*|latest|", details.enforcement_version):
        raise invalid(f"{field}.details.enforcement_version", "Use a number or latest.")
    details.enforcement_version = details.enforcement_version or NEWEST_ENFORCEMENT


def check_rule(rule: Any, field: str) -> None:
    """Reject a rule without effect or resources, or with a resource of another form."""
    if rule.effect != type(rule).Effect.ALLOW:
        raise invalid(f"{field}.effect", "The effect of a rule must be ALLOW.")
    if len(rule.description) > LONGEST_DESCRIPTION:
        raise too_long(f"{field}.description", LONGEST_DESCRIPTION)
    if not rule.resources:
        raise invalid(f"{field}.resources", "A rule needs resources.")
    for resource in rule.resources:
        if not RESOURCE.fullmatch(resource):
            raise invalid(
                f"{field}.resources",
                f"'{resource}' is not the full name of a project, a folder or an organization.",
            )


KIND = kinds.Kind(
    FIELD,
    "principal_access_boundary_policies",
    ("organizations",),
    ("display_name", "annotations", "details"),
    "details",
    check,
)


@serves_versions(BOUNDARIES, Rule("POST", COLLECTION, FIELD))
def create_principal_access_boundary_policy(call: Call, request: Any) -> Any:
    return kinds.create(call, KIND, request)


@serves_versions(BOUNDARIES, Rule("GET", f"/{{name={NAME}}}"))
def get_principal_access_boundary_policy(call: Call, request: Any) -> Any:
    return kinds.get(call, KIND, request)


@serves_versions(BOUNDARIES, Rule("PATCH", f"/{{{FIELD}.name={NAME}}}", FIELD))
def update_principal_access_boundary_policy(call: Call, request: Any) -> Any:
    return kinds.update(call, KIND, request)


@serves_versions(BOUNDARIES, Rule("DELETE", f"/{{name={NAME}}}"))
def delete_principal_access_boundary_policy(call: Call, request: Any) -> Any:
    return kinds.delete(call, KIND, request)


@serves_versions(BOUNDARIES, Rule("GET", COLLECTION))
def list_principal_access_boundary_policies(call: Call, request: Any) -> Any:
    return kinds.list_page(call, KIND, request)


@serves_versions(BOUNDARIES, Rule("GET", f"/{{name={NAME}}}:searchPolicyBindings"))
def search_principal_access_boundary_policy_bindings(call: Call, request: Any) -> Any:
    response = "SearchPrincipalAccessBoundaryPolicyBindingsResponse"
    return kinds.search_bindings(call, KIND, request, response)
