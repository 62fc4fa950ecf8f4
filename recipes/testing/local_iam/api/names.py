"""Resource names: from the text of a request to what the state holds."""

import re

from grpc import StatusCode

from .rejections import Rejection, invalid, not_found, permission_denied
from .state import Account, State

ACCOUNT = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)")
KEY = re.compile(r"(projects/[^/]+/serviceAccounts/[^/]+)/keys/([^/]+)")
WILDCARD_ACCOUNT = re.compile(r"projects/-/serviceAccounts/([^/]+)")


def project_of(state: State, name: str, field: str = "name") -> str:
    """Return the id of the project `projects/ID` (or its number)."""
    match = re.fullmatch(r"projects/([^/]+)", name)
    if not match or match[1] == "-":
        raise invalid(field, f"Invalid form for project: '{name}'. Use projects/PROJECT_ID.")
    return project_id(state, match[1])


def project_id(state: State, id_or_number: str) -> str:
    """Return the id of a project that exists."""
    for identity, number in state.projects.items():
        if id_or_number in (identity, number):
            return identity
    raise not_found(f"Unknown project id: {id_or_number}")


def account_of(state: State, name: str, permission: str, field: str = "name") -> Account:
    """Return the live account that a name of the admin service means.

    With the `-` wildcard an account that does not exist is PERMISSION_DENIED, as documented;
    with a project it is NOT_FOUND.
    """
    match = ACCOUNT.fullmatch(name)
    if not match:
        raise invalid(field, f"Invalid service account name: '{name}'.")
    project, identity = match.groups()
    account = state.account(identity)
    if project == "-":
        if account is None:
            raise permission_denied(permission, name)
        return account
    if account is None or account.project != project_id(state, project):
        raise not_found(f"Service account {name} does not exist.")
    return account


def key_name(name: str) -> tuple[str, str]:
    """Split the name of a key into the name of its account and its id."""
    match = KEY.fullmatch(name)
    if not match:
        raise invalid("name", f"Invalid service account key name: '{name}'.")
    return match[1], match[2]


def credential_account(state: State, name: str, permission: str, field: str = "name") -> Account:
    """Return the account that a name of the credentials service means: always with `-`."""
    match = WILDCARD_ACCOUNT.fullmatch(name)
    if not match:
        raise invalid(
            field,
            f"Invalid form for {field}: '{name}'. "
            "Use projects/-/serviceAccounts/ACCOUNT_EMAIL_OR_UNIQUEID.",
        )
    account = state.account(match[1])
    if account is None:
        raise not_found(f"Not found; Gaia id not found for email {match[1]}")
    if account.disabled:
        denied = permission_denied(permission, name)
        raise Rejection(
            StatusCode.PERMISSION_DENIED,
            f"Service account {account.email} is disabled. {denied.message}",
            denied.details,
        )
    return account
