"""Service accounts: create, list, change, disable, delete, undelete."""

import re

from google.cloud.iam_admin_v1.types import iam
from google.protobuf import empty_pb2

from .methods import ADMIN, Call, serves
from .names import ACCOUNT, account_of, project_id, project_of
from .paging import page
from .rejections import aborted, already_exists, failed_precondition, invalid, not_found
from .renames import rename_everywhere
from .state import Account, new_etag

ACCOUNT_ID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])")


def message(account: Account) -> iam.ServiceAccount:
    """Return the account as the service shows it."""
    return iam.ServiceAccount(
        name=account.name,
        project_id=account.project,
        unique_id=account.unique_id,
        email=account.email,
        display_name=account.display_name,
        description=account.description,
        etag=account.etag,
        oauth2_client_id=account.unique_id,
        disabled=account.disabled,
    )


def check_texts(account: iam.ServiceAccount) -> None:
    """Reject a display name or a description that is too long."""
    for field, limit in (("display_name", 100), ("description", 256)):
        if len(getattr(account, field).encode()) > limit:
            raise invalid(f"service_account.{field}", f"{field} is longer than {limit} bytes.")


@serves(ADMIN)
def list_service_accounts(
    call: Call, request: iam.ListServiceAccountsRequest
) -> iam.ListServiceAccountsResponse:
    project = project_of(call.state, request.name)
    accounts, token = page(
        call.state.live_accounts(project),
        lambda account: account.email,
        request.page_size,
        request.page_token,
        of=f"{project}/accounts",
        default=20,
        maximum=100,
    )
    return iam.ListServiceAccountsResponse(
        accounts=[message(account) for account in accounts], next_page_token=token
    )


@serves(ADMIN)
def get_service_account(call: Call, request: iam.GetServiceAccountRequest) -> iam.ServiceAccount:
    return message(account_of(call.state, request.name, "iam.serviceAccounts.get"))


@serves(ADMIN)
def create_service_account(
    call: Call, request: iam.CreateServiceAccountRequest
) -> iam.ServiceAccount:
    project = project_of(call.state, request.name)
    identity = request.account_id
    if not 6 <= len(identity) <= 30 or not ACCOUNT_ID.fullmatch(identity):
        raise invalid(
            "account_id",
            f"The account ID '{identity}' must have 6 to 30 lower-case letters, digits and "
            "hyphens, start with a letter and not end with a hyphen.",
        )
    check_texts(request.service_account)
    if call.state.account(f"{identity}@{project}.iam.gserviceaccount.com"):
        raise already_exists(
            f"Service account {identity} already exists within project projects/{project}."
        )
    account = call.state.add_account(project, identity)
    account.display_name = request.service_account.display_name
    account.description = request.service_account.description
    return message(account)


def changed(account: Account, wanted: iam.ServiceAccount, fields: list[str]) -> iam.ServiceAccount:
    """Change the fields of an account, unless the etag that came with them is stale."""
    check_texts(wanted)
    if wanted.etag and wanted.etag != account.etag:
        raise aborted()
    for field in fields:
        setattr(account, field, getattr(wanted, field))
    account.etag = new_etag()
    return message(account)


@serves(ADMIN)
def update_service_account(call: Call, request: iam.ServiceAccount) -> iam.ServiceAccount:
    account = account_of(call.state, request.name, "iam.serviceAccounts.update")
    return changed(account, request, ["display_name"])


@serves(ADMIN)
def patch_service_account(
    call: Call, request: iam.PatchServiceAccountRequest
) -> iam.ServiceAccount:
    fields = list(request.update_mask.paths)
    if not fields:
        raise invalid("update_mask", "The update mask must name display_name or description.")
    for field in fields:
        if field not in ("display_name", "description"):
            raise invalid("update_mask", f"The field '{field}' cannot be patched.")
    account = account_of(
        call.state,
        request.service_account.name,
        "iam.serviceAccounts.update",
        "service_account.name",
    )
    return changed(account, request.service_account, fields)


@serves(ADMIN)
def delete_service_account(call: Call, request: iam.DeleteServiceAccountRequest) -> empty_pb2.Empty:
    account = account_of(call.state, request.name, "iam.serviceAccounts.delete")
    call.state.remove_account(account)
    rename_everywhere(call.state, account)
    return empty_pb2.Empty()


@serves(ADMIN)
def undelete_service_account(
    call: Call, request: iam.UndeleteServiceAccountRequest
) -> iam.UndeleteServiceAccountResponse:
    match = ACCOUNT.fullmatch(request.name)
    if not match or not match[2].isdigit():
        raise invalid("name", "A deleted service account is named by its numeric unique ID.")
    account = call.state.accounts.get(match[2])
    if account is None or (match[1] != "-" and project_id(call.state, match[1]) != account.project):
        raise not_found(f"Service account {request.name} does not exist.")
    if not account.deleted:
        raise failed_precondition(f"Service account {request.name} is not deleted.")
    if call.state.account(account.email):
        raise failed_precondition(
            f"A new service account {account.email} exists; delete it before the undelete."
        )
    call.state.restore_account(account)
    rename_everywhere(call.state, account)
    return iam.UndeleteServiceAccountResponse(restored_account=message(account))


@serves(ADMIN)
def enable_service_account(call: Call, request: iam.EnableServiceAccountRequest) -> empty_pb2.Empty:
    account_of(call.state, request.name, "iam.serviceAccounts.enable").disabled = False
    return empty_pb2.Empty()


@serves(ADMIN)
def disable_service_account(
    call: Call, request: iam.DisableServiceAccountRequest
) -> empty_pb2.Empty:
    account_of(call.state, request.name, "iam.serviceAccounts.disable").disabled = True
    return empty_pb2.Empty()
