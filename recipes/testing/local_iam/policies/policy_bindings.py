"""Policy bindings (`iam_v3`): which policy is in force for which principals or resource."""

import re
from collections.abc import Callable
from typing import Any

from ..api import kinds
from ..api.methods import BINDINGS, Call, Rule, serves_versions
from ..api.rejections import invalid
from ..api.resources import container_of, owned, stored
from . import access_policies, boundaries
from .conditions import ConditionError, Node, parse

CONTAINER = re.compile(
    r"(//cloudresourcemanager\.googleapis\.com/)((projects|folders|organizations)/([^/]+))"
)
PROJECT_POOL = re.compile(
    r"(//iam\.googleapis\.com/)((projects)/([^/]+))(/locations/[^/]+/workloadIdentityPools/[^/]+)"
)
ORGANIZATION_POOL = re.compile(
    r"//iam\.googleapis\.com/locations/global/(workforcePools|workspace)/[^/]+"
)
ATTRIBUTES = {"principal.type", "principal.subject"}
TYPES = {
    f"iam.googleapis.com/{name}"
    for name in (
        "WorkspaceIdentity",
        "WorkforcePoolIdentity",
        "WorkloadPoolIdentity",
        "ServiceAccount",
        "AgentPoolIdentity",
    )
}
LONGEST_CONDITION = 250
MOST_PARTS = 10
TERM = re.compile(r'(target|policy):"?([^\s"*]*)(\*?)"?', re.IGNORECASE)
POLICY_KIND = re.compile(r"policy_kind\s*=\s*\"?(PRINCIPAL_ACCESS_BOUNDARY|ACCESS)\"?")
COLLECTION = "/{parent=*/*/locations/*}/policyBindings"
NAME = "*/*/locations/*/policyBindings/*"


def target_of(call: Call, target: str, field: str) -> tuple[str, str]:
    """Return a target as the service shows it, and the project, folder or organization of it.

    The owner of a pool of an organization is not in its name: it is empty.
    """
    if ORGANIZATION_POOL.fullmatch(target):
        return target, ""
    match = CONTAINER.fullmatch(target) or PROJECT_POOL.fullmatch(target)
    if not match:
        raise invalid(field, f"'{target}' is not the full name of a target.")
    identity, number = container_of(call.state, match[3], match[4], field)
    rest = match[5] if match.re is PROJECT_POOL else ""
    return f"{match[1]}{match[3]}/{number}{rest}", f"{match[3]}/{identity}"


def check(call: Call, binding: Any, field: str) -> None:
    """Reject a binding that the service would not store; fill in what follows from its policy."""
    owner = "/".join(binding.name.split("/")[:2])
    kind, wanted = _policy_kind(call, binding, f"{field}.policy")
    if binding.policy_kind and binding.policy_kind != wanted:
        raise invalid(f"{field}.policy_kind", "The kind is not that of the policy.")
    policy = stored(call.state, kinds.name_of(call.state, kind, binding.policy, f"{field}.policy"))
    binding.policy, binding.policy_uid, binding.policy_kind = policy.name, policy.uid, wanted
    if {owner.split("/")[0], policy.name.split("/")[0]} == {"organizations"}:
        _check_same_organization(owner, policy.name, field)
    _check_target(call, binding, owner, f"{field}.target")
    if "condition" in binding:
        check_condition(binding, f"{field}.condition")


def _policy_kind(call: Call, binding: Any, field: str) -> tuple[kinds.Kind, Any]:
    policy_kinds = type(binding).PolicyKind
    if f"/{boundaries.KIND.collection}/" in binding.policy:
        return boundaries.KIND, policy_kinds.PRINCIPAL_ACCESS_BOUNDARY
    if (
        f"/{access_policies.KIND.collection}/" in binding.policy
        and "ACCESS" in policy_kinds.__members__
    ):
        return access_policies.KIND, policy_kinds.ACCESS
    raise invalid(field, f"'{binding.policy}' is not the name of a policy that can be bound.")


def _check_same_organization(owner: str, policy: str, field: str) -> None:
    if not policy.startswith(f"{owner}/"):
        raise invalid(f"{field}.policy", "The policy belongs to another organization.")


def _check_target(call: Call, binding: Any, owner: str, field: str) -> None:
    """Reject a target of the other kind of policy, and one of another parent."""
    bounds = binding.policy_kind == type(binding).PolicyKind.PRINCIPAL_ACCESS_BOUNDARY
    kind = "principal_set" if bounds else "resource"
    target = getattr(binding.target, kind)
    if not target or (not bounds and not CONTAINER.fullmatch(target)):
        raise invalid(f"{field}.{kind}", f"The target of this policy must be a {kind}.")
    canonical, owned_by = target_of(call, target, f"{field}.{kind}")
    if owned_by != owner and (owned_by or not owner.startswith("organizations/")):
        raise invalid(f"{field}.{kind}", "The target does not belong to the parent of the binding.")
    setattr(binding.target, kind, canonical)


def check_condition(binding: Any, field: str) -> None:
    """Reject a condition of an access policy, and one about anything but the principal."""
    expression = binding.condition.expression
    if binding.policy_kind != type(binding).PolicyKind.PRINCIPAL_ACCESS_BOUNDARY:
        raise invalid(field, "Only bindings of principal access boundaries have conditions.")
    if len(expression) > LONGEST_CONDITION:
        raise invalid(field, f"The condition is longer than {LONGEST_CONDITION} characters.")
    try:
        parts = list(_parts(parse(expression, ATTRIBUTES)))
    except ConditionError as error:
        raise invalid(f"{field}.expression", str(error)) from None
    if len(parts) > MOST_PARTS or not all(_supported(part) for part in parts):
        raise invalid(
            f"{field}.expression",
            f"Use 1 to {MOST_PARTS} comparisons of principal.type and principal.subject.",
        )


def _parts(node: Node) -> list[Node]:
    if node[0] in ("&&", "||", "not"):
        return [part for child in node[1:] for part in _parts(child)]
    return [node]


def _supported(node: Node) -> bool:
    if node[0] == "method":
        (_, left, name, values) = node
        return left == ("attribute", "principal.subject") and (
            name in ("startsWith", "endsWith") and len(values) == 1 and _text(values[0])
        )
    if node[0] not in ("==", "!=", "in") or node[1][0] != "attribute":
        return False
    values = node[2][1] if node[0] == "in" and node[2][0] == "list" else [node[2]]
    if node[1] == ("attribute", "principal.type"):
        return all(_text(value) and value[1] in TYPES for value in values)
    return all(_text(value) for value in values)


def _text(node: Node) -> bool:
    return node[0] == "value" and isinstance(node[1], str)


KIND = kinds.Kind(
    "policy_binding",
    "policy_bindings",
    ("projects", "folders", "organizations"),
    ("display_name", "annotations", "condition"),
    "condition",
    check,
)


def target_name(binding: Any) -> str:
    """Return the target of a binding, of whichever kind it is."""
    target = binding.target
    return str(target.principal_set or getattr(target, "resource", ""))


def chosen_by(text: str) -> Callable[[Any], bool]:
    """Return what tells whether a filter of a list chooses a binding."""
    terms = [TERM.fullmatch(term) for term in re.split(r"\s+AND\s+", text)] if text else []

    def chooses(binding: Any) -> bool:
        return all(term is not None and _matches(binding, term) for term in terms)

    if not all(terms):
        raise invalid("filter", f"The filter '{text}' is not made of target: and policy: terms.")
    return chooses


def _matches(binding: Any, term: re.Match[str]) -> bool:
    value = target_name(binding) if term[1].lower() == "target" else str(binding.policy)
    value, wanted = value.lower(), term[2].lower()
    return value.startswith(wanted) if term[3] else value == wanted


def kind_chosen_by(text: str) -> str:
    """Return the kind of policy that the filter of a search names, or nothing."""
    match = POLICY_KIND.fullmatch(text)
    if text and not match:
        raise invalid("filter", f"The filter '{text}' is not policy_kind=KIND.")
    return match[1] if match else ""


@serves_versions(BINDINGS, Rule("POST", COLLECTION, "policy_binding"))
def create_policy_binding(call: Call, request: Any) -> Any:
    return kinds.create(call, KIND, request)


@serves_versions(BINDINGS, Rule("GET", f"/{{name={NAME}}}"))
def get_policy_binding(call: Call, request: Any) -> Any:
    return kinds.get(call, KIND, request)


@serves_versions(BINDINGS, Rule("PATCH", f"/{{policy_binding.name={NAME}}}", "policy_binding"))
def update_policy_binding(call: Call, request: Any) -> Any:
    return kinds.update(call, KIND, request)


@serves_versions(BINDINGS, Rule("DELETE", f"/{{name={NAME}}}"))
def delete_policy_binding(call: Call, request: Any) -> Any:
    return kinds.delete(call, KIND, request)


@serves_versions(BINDINGS, Rule("GET", COLLECTION))
def list_policy_bindings(call: Call, request: Any) -> Any:
    return kinds.list_page(call, KIND, request, chosen_by(request.filter))


@serves_versions(BINDINGS, Rule("GET", f"{COLLECTION}:searchTargetPolicyBindings"))
def search_target_policy_bindings(call: Call, request: Any) -> Any:
    collection = kinds.collection_of(call, KIND, request.parent)
    target, _ = target_of(call, request.target, "target")
    kind = kind_chosen_by(request.filter)
    bindings = (
        binding
        for binding in owned(call.state, collection)
        if target_name(binding) == target and kind in ("", binding.policy_kind.name)
    )
    chosen, token = kinds.shown_page(call, request, bindings, f"{collection}/{target}")
    return call.types.SearchTargetPolicyBindingsResponse(
        policy_bindings=chosen, next_page_token=token
    )
