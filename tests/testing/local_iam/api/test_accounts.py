"""Service accounts."""

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2

from recipes.testing.local_iam import LocalIAM

IAM = iam_admin_v1.IAMClient
Account = iam_admin_v1.ServiceAccount


def test_a_created_account_can_be_read_by_every_name(
    admin: IAM, account: Account, project: str
) -> None:
    """Project or wildcard, e-mail or unique id: the same account."""
    for parent in (project, "projects/-", "projects/100000000001"):
        for identity in (account.email, account.unique_id):
            name = f"{parent}/serviceAccounts/{identity}"
            assert admin.get_service_account(name=name, timeout=10) == account


@pytest.mark.parametrize(
    "account_id", ["short", "Upper-case", "1digit-first", "ends-with-hyphen-", "x" * 31, ""]
)
def test_a_bad_account_id_is_invalid(admin: IAM, project: str, account_id: str) -> None:
    """The error names the field."""
    with pytest.raises(exceptions.InvalidArgument) as caught:
        admin.create_service_account(name=project, account_id=account_id, timeout=10)
    (detail,) = caught.value.details
    assert isinstance(detail, error_details_pb2.BadRequest)
    assert detail.field_violations[0].field == "account_id"


def test_an_account_is_created_once(
    admin: IAM, project: str, account: Account, new_id: str
) -> None:
    """A second creation is ALREADY_EXISTS."""
    with pytest.raises(exceptions.AlreadyExists):
        admin.create_service_account(name=project, account_id=new_id, timeout=10)


def test_an_unknown_project_is_not_found(admin: IAM) -> None:
    """Neither create nor list invents a project."""
    with pytest.raises(exceptions.NotFound):
        admin.create_service_account(name="projects/nobody", account_id="a-name", timeout=10)
    with pytest.raises(exceptions.NotFound):
        admin.list_service_accounts(name="projects/nobody", timeout=10)


def test_texts_have_limits(admin: IAM, project: str, new_id: str) -> None:
    """A display name above 100 bytes is INVALID_ARGUMENT, and nothing is created."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.create_service_account(
            request={
                "name": project,
                "account_id": new_id,
                "service_account": {"display_name": "é" * 51},
            },
            timeout=10,
        )
    name = f"{project}/serviceAccounts/{new_id}@{project[9:]}.iam.gserviceaccount.com"
    with pytest.raises(exceptions.NotFound):
        admin.get_service_account(name=name, timeout=10)


def test_a_missing_account_is_denied_behind_the_wildcard(admin: IAM, project: str) -> None:
    """With the wildcard PERMISSION_DENIED, with a project NOT_FOUND, as documented."""
    with pytest.raises(exceptions.PermissionDenied):
        admin.get_service_account(name="projects/-/serviceAccounts/a@b.example", timeout=10)
    with pytest.raises(exceptions.NotFound):
        admin.get_service_account(name=f"{project}/serviceAccounts/a@b.example", timeout=10)


@pytest.mark.parametrize("name", ["", "nonsense", "projects/x", "projects/x/serviceAccounts/"])
def test_a_malformed_name_is_invalid(admin: IAM, name: str) -> None:
    """A name of another form is INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.get_service_account(name=name, timeout=10)


def test_pages_cover_every_account_once(
    admin: IAM, local_iam: LocalIAM, project: str, account: Account
) -> None:
    """Pages of 3 hold the same accounts as one of 100, without one twice."""
    whole = [found.email for found in admin.list_service_accounts(name=project, timeout=10)]
    request = iam_admin_v1.ListServiceAccountsRequest(name=project, page_size=3)
    pages = list(admin.list_service_accounts(request=request, timeout=10).pages)
    assert [found.email for page in pages for found in page.accounts] == whole
    assert all(len(page.accounts) == 3 for page in pages[:-1])
    assert {*local_iam.service_accounts, account.email} <= set(whole)


def test_a_page_has_20_accounts_unless_told(admin: IAM, project: str, account: Account) -> None:
    """The default page size is 20."""
    first = next(iter(admin.list_service_accounts(name=project, timeout=10).pages))
    assert len(first.accounts) == 20
    assert first.next_page_token


@pytest.mark.parametrize("request_", [{"page_size": -1}, {"page_token": "garbage"}])
def test_a_bad_page_is_invalid(admin: IAM, project: str, request_: dict[str, object]) -> None:
    """A negative size and a made-up token are INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.list_service_accounts(request={"name": project, **request_}, timeout=10)


def test_a_page_token_belongs_to_its_list(admin: IAM, project: str) -> None:
    """The token of the roles is not one of the accounts."""
    token = next(iter(admin.list_roles(request={"page_size": 1}, timeout=10).pages))
    with pytest.raises(exceptions.InvalidArgument):
        admin.list_service_accounts(
            request={"name": project, "page_token": token.next_page_token}, timeout=10
        )


def test_patch_changes_what_the_mask_names(admin: IAM, account: Account) -> None:
    """The description changes, the display name does not."""
    patched = admin.patch_service_account(
        request={
            "service_account": {"name": account.name, "description": "d", "display_name": "n"},
            "update_mask": {"paths": ["description"]},
        },
        timeout=10,
    )
    assert (patched.description, patched.display_name) == ("d", "")
    assert admin.get_service_account(name=account.name, timeout=10) == patched


@pytest.mark.parametrize("paths", [[], ["email"]])
def test_patch_needs_a_mask_of_patchable_fields(
    admin: IAM, account: Account, paths: list[str]
) -> None:
    """An empty mask and a read-only field are INVALID_ARGUMENT."""
    request = iam_admin_v1.PatchServiceAccountRequest(
        service_account=account, update_mask=field_mask_pb2.FieldMask(paths=paths)
    )
    with pytest.raises(exceptions.InvalidArgument):
        admin.patch_service_account(request=request, timeout=10)


def test_update_changes_the_display_name_only(admin: IAM, account: Account) -> None:
    """The method that is being deprecated changes the display name."""
    updated = admin.update_service_account(
        request={"name": account.name, "display_name": "new", "description": "kept out"},
        timeout=10,
    )
    assert (updated.display_name, updated.description) == ("new", "")
    assert updated.etag != account.etag


def test_a_stale_etag_aborts(admin: IAM, account: Account) -> None:
    """A second writer with the same etag is ABORTED, by update and by patch."""
    request = {"name": account.name, "etag": account.etag, "display_name": "first"}
    admin.update_service_account(request=request, timeout=10)
    with pytest.raises(exceptions.Aborted):
        admin.update_service_account(request=request, timeout=10)
    with pytest.raises(exceptions.Aborted):
        admin.patch_service_account(
            request={"service_account": request, "update_mask": {"paths": ["display_name"]}},
            timeout=10,
        )


def test_a_deleted_account_is_gone_until_it_is_undeleted(
    admin: IAM, project: str, account: Account
) -> None:
    """Deleted: not found and not listed. Undeleted: the same account again."""
    admin.delete_service_account(name=account.name, timeout=10)
    for identity in (account.email, account.unique_id):
        with pytest.raises(exceptions.NotFound):
            admin.get_service_account(name=f"{project}/serviceAccounts/{identity}", timeout=10)
    listed = [found.email for found in admin.list_service_accounts(name=project, timeout=10)]
    assert account.email not in listed
    name = f"projects/-/serviceAccounts/{account.unique_id}"
    restored = admin.undelete_service_account(request={"name": name}, timeout=10)
    assert restored.restored_account == account
    assert admin.get_service_account(name=account.name, timeout=10) == account


def test_an_account_is_undeleted_by_its_unique_id(admin: IAM, account: Account) -> None:
    """The e-mail is INVALID_ARGUMENT, an unknown id NOT_FOUND, a live one FAILED_PRECONDITION."""
    expected = {
        account.name: exceptions.InvalidArgument,
        "projects/-/serviceAccounts/123": exceptions.NotFound,
        f"projects/-/serviceAccounts/{account.unique_id}": exceptions.FailedPrecondition,
    }
    for name, error in expected.items():
        with pytest.raises(error):
            admin.undelete_service_account(request={"name": name}, timeout=10)


def test_a_new_account_of_the_same_name_is_another_one(
    admin: IAM, project: str, account: Account, new_id: str
) -> None:
    """It has another unique id, and stands in the way of the undelete."""
    admin.delete_service_account(name=account.name, timeout=10)
    again = admin.create_service_account(name=project, account_id=new_id, timeout=10)
    assert again.email == account.email
    assert again.unique_id != account.unique_id
    name = f"projects/-/serviceAccounts/{account.unique_id}"
    with pytest.raises(exceptions.FailedPrecondition):
        admin.undelete_service_account(request={"name": name}, timeout=10)


def test_disable_and_enable_show_in_the_account(admin: IAM, account: Account) -> None:
    """Both may be repeated without effect."""
    for _ in range(2):
        admin.disable_service_account(request={"name": account.name}, timeout=10)
        assert admin.get_service_account(name=account.name, timeout=10).disabled is True
    for _ in range(2):
        admin.enable_service_account(request={"name": account.name}, timeout=10)
        assert admin.get_service_account(name=account.name, timeout=10).disabled is False
