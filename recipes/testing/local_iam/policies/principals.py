"""The principals, permissions and tag conditions of deny policies and access policies."""

import re
from collections.abc import Iterable
from typing import Any

from ..api import catalogue
from ..api.rejections import invalid
from ..api.renames import SERVICE_ACCOUNT
from ..api.state import State
from .conditions import ConditionError, Node, parse

EVERYONE = "principalSet://goog/public:all"
PRINCIPAL = re.compile(
    r"principalSet://goog/public:all"
    r"|principal://goog/subject/[^/\s]+"
    r"|principalSet://goog/(group|cloudIdentityCustomerId)/[^/\s]+"
    rf"|{re.escape(SERVICE_ACCOUNT)}[^/@\s]+@[^/@\s]+"
    r"|principal(Set)?://iam\.googleapis\.com/locations/global/workforcePools/\S+"
    r"|principal(Set)?://iam\.googleapis\.com/projects/\d+/locations/global"
    r"/workloadIdentityPools/\S+"
    r"|principalSet://cloudresourcemanager\.googleapis\.com/"
    r"(projects|folders|organizations)/\d+(/type/\w+)?"
)
DELETED = re.compile(r"deleted:(.+)\?uid=\d+")
PERMISSION = re.compile(r"([a-z][a-z0-9.-]*\.com)/((?:\*|\w+)(?:\.\w+)*\.(?:\*|\w+))")
TAG_FUNCTIONS = {"matchTag", "matchTagId", "hasTagKey", "hasTagKeyId"}


def check_principals(state: State, names: Iterable[str], field: str) -> None:
    """Reject a principal of a wrong form, and a service account of ours that does not exist."""
    for name in names:
        deleted = DELETED.fullmatch(name)
        if not PRINCIPAL.fullmatch(deleted[1] if deleted else name):
            raise invalid(field, f"The principal {name} is of an unknown type or form.")
        email = name.removeprefix(SERVICE_ACCOUNT)
        project = email.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
        if email != name and project in state.projects and not state.account(email):
            raise invalid(field, f"Service account {email} does not exist.")


def check_permissions(names: Iterable[str], field: str) -> None:
    """Reject a permission that is not `SERVICE/RESOURCE.VERB`, or that does not exist."""
    for name in names:
        match = PERMISSION.fullmatch(name)
        if not match:
            raise invalid(field, f"Permission {name} must have the form SERVICE/RESOURCE.VERB.")
        short = f"{match[1].removesuffix('.googleapis.com')}.{match[2]}"
        if "*" not in short and "." not in match[1].removesuffix(".googleapis.com"):
            _check_known(short, name, field)


def _check_known(short: str, name: str, field: str) -> None:
    if not catalogue.known(short):
        raise invalid(field, f"Permission {name} is not valid.")


def check_tags(condition: Any, field: str) -> None:
    """Reject a condition that is more than functions of resource tags and their logic."""
    try:
        tree = parse(condition.expression)
    except ConditionError as error:
        raise invalid(f"{field}.expression", str(error)) from None
    if not _only_tags(tree):
        raise invalid(f"{field}.expression", "Only functions of resource tags are supported here.")


def _only_tags(node: Node) -> bool:
    if node[0] in ("&&", "||", "not"):
        return all(_only_tags(part) for part in node[1:])
    return node[0] == "method" and node[1][:2] == ("name", "resource") and node[2] in TAG_FUNCTIONS
