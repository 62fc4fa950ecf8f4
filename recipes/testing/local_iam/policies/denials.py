"""What the deny policies of a project take away from a caller."""

import re
from collections.abc import Iterable
from typing import Any

from ..api.renames import SERVICE_ACCOUNT
from ..api.resources import owned
from ..api.state import State
from .conditions import Node, parse
from .deny_policies import collection_at
from .principals import EVERYONE

CONTAINER = "principalSet://cloudresourcemanager.googleapis.com/projects/"


def denied(state: State, project: str, caller: str, permissions: Iterable[str]) -> set[str]:
    """Return the permissions that some rule of the project denies the caller."""
    names = identities(state, caller)
    policies = owned(state, collection_at("projects", state.projects[project]))
    rules = [rule.deny_rule for policy in policies for rule in policy.rules]
    rules = [rule for rule in rules if applies(rule, names)]
    return {name for name in permissions if any(denies(rule, name) for rule in rules)}


def identities(state: State, caller: str) -> set[str]:
    """Return the principals that a service account is, or belongs to."""
    names = {EVERYONE, f"{SERVICE_ACCOUNT}{caller}"}
    account = state.account(caller)
    if account is not None:
        own = f"{CONTAINER}{state.projects[account.project]}"
        names |= {own, f"{own}/type/ServiceAccount"}
    return names


def applies(rule: Any, names: set[str]) -> bool:
    """Say whether a deny rule is about these principals, and its condition holds."""
    if names.isdisjoint(rule.denied_principals) or not names.isdisjoint(rule.exception_principals):
        return False
    return "denial_condition" not in rule or _holds(parse(rule.denial_condition.expression))


def denies(rule: Any, permission: str) -> bool:
    """Say whether a rule denies a permission such as `iam.serviceAccounts.actAs`."""
    service, _, rest = permission.partition(".")
    name = f"{service}.googleapis.com/{rest}"
    return _among(name, rule.denied_permissions) and not _among(name, rule.exception_permissions)


def _among(name: str, patterns: Iterable[str]) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", r"\w+(?:\.\w+)*"), name)
        for pattern in patterns
    )


def _holds(node: Node) -> bool:
    """Evaluate a condition of tags: here no resource has any."""
    if node[0] == "not":
        return not _holds(node[1])
    if node[0] == "&&":
        return _holds(node[1]) and _holds(node[2])
    return node[0] == "||" and (_holds(node[1]) or _holds(node[2]))
