"""Principal access boundary policies and access policies: the kinds of policy of `iam_v3`."""

# google-api-core's operations have no types
# mypy: disallow-untyped-calls=False

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1, iam_v3, iam_v3beta

from recipes.testing.local_iam import LocalIAM

Client = iam_v3.PrincipalAccessBoundaryPoliciesClient
Policy = iam_v3.PrincipalAccessBoundaryPolicy
Create = Callable[..., Policy]
CreateAccess = Callable[..., iam_v3.AccessPolicy]
ORGANIZATION = "organizations/2222/locations/global"
FOLDER = "//cloudresourcemanager.googleapis.com/folders/42"
RULE = {"effect": "ALLOW", "resources": [FOLDER]}
PUBLISH = "eventarc.googleapis.com/messageBuses.publish"
ACCESS_RULE = {
    "effect": "DENY",
    "principals": ["principal://goog/subject/a@example.com"],
    "operation": {"permissions": [PUBLISH]},
}
ACCOUNT = "principal://iam.googleapis.com/projects/-/serviceAccounts/"


@pytest.fixture(scope="module")
def shared(client_environment: None) -> Iterator[tuple[Client, iam_v3.AccessPoliciesClient]]:
    """Keep the clients for all tests."""
    with Client() as boundaries, iam_v3.AccessPoliciesClient() as access:
        yield boundaries, access


@pytest.fixture
def boundaries(local_iam: LocalIAM, shared: Any) -> Client:
    """Give a test the client of principal access boundary policies."""
    client: Client = shared[0]
    return client


@pytest.fixture
def access(local_iam: LocalIAM, shared: Any) -> iam_v3.AccessPoliciesClient:
    """Give a test the client of access policies."""
    client: iam_v3.AccessPoliciesClient = shared[1]
    return client


@pytest.fixture
def create(boundaries: Client, new_id: str) -> Create:
    """Create a principal access boundary policy: `create(rules=..., display_name=...)`."""

    def make(
        rules: Any = (RULE,),
        parent: str = ORGANIZATION,
        policy_id: str = new_id,
        validate_only: bool = False,
        **fields: Any,
    ) -> Policy:
        details = fields.pop("details", {"rules": list(rules)})
        operation = boundaries.create_principal_access_boundary_policy(
            request={
                "parent": parent,
                "principal_access_boundary_policy_id": policy_id,
                "principal_access_boundary_policy": {"details": details, **fields},
                "validate_only": validate_only,
            },
            timeout=10,
        )
        made: Policy = operation.result(timeout=30)
        return made

    return make


@pytest.fixture
def create_access(access: iam_v3.AccessPoliciesClient, project: str, new_id: str) -> CreateAccess:
    """Create an access policy: `create_access(rule)`."""

    def make(rule: dict[str, Any], owner: str = project) -> iam_v3.AccessPolicy:
        request = {
            "parent": f"{owner}/locations/global",
            "access_policy_id": new_id,
            "access_policy": {"details": {"rules": [{**ACCESS_RULE, **rule}]}},
        }
        operation = access.create_access_policy(request=request, timeout=10)
        made: iam_v3.AccessPolicy = operation.result(timeout=30)
        return made

    return make


def get(client: Client, policy: Policy) -> Policy:
    """Read a policy again."""
    return client.get_principal_access_boundary_policy(name=policy.name, timeout=10)


def update(client: Client, policy: Policy, *paths: str, validate_only: bool = False) -> Policy:
    """Update a policy, or preview that."""
    operation = client.update_principal_access_boundary_policy(
        request={
            "principal_access_boundary_policy": policy,
            "update_mask": {"paths": paths},
            "validate_only": validate_only,
        },
        timeout=10,
    )
    after: Policy = operation.result(timeout=30)
    return after


def delete(client: Client, **request: Any) -> None:
    """Delete a policy, or preview that."""
    client.delete_principal_access_boundary_policy(request=request, timeout=10).result(timeout=30)


def test_a_policy_is_kept(boundaries: Client, create: Create, new_id: str) -> None:
    """With what was sent, and with what the service adds to it."""
    made = create(display_name="d", annotations={"a": "b"})
    assert made.name == f"{ORGANIZATION}/principalAccessBoundaryPolicies/{new_id}"
    assert (made.display_name, dict(made.annotations)) == ("d", {"a": "b"})
    assert [list(rule.resources) for rule in made.details.rules] == [[FOLDER]]
    assert made.details.enforcement_version.isdigit()
    assert made.uid
    assert made.etag
    assert get(boundaries, made) == made
    with pytest.raises(exceptions.AlreadyExists):
        create()


def test_a_list_comes_in_pages(boundaries: Client, create: Create) -> None:
    """Of the size that was asked for; a negative one and a token of another list are invalid."""
    parent = "organizations/3333/locations/global"
    made = [create(parent=parent, policy_id=f"policy-{n}") for n in range(5)]
    request = {"parent": parent, "page_size": 2}
    pages = boundaries.list_principal_access_boundary_policies(request=request, timeout=10).pages
    listed = [list(page.principal_access_boundary_policies) for page in pages]
    assert listed == [made[:2], made[2:4], made[4:]]
    first = boundaries.list_principal_access_boundary_policies(request=request, timeout=10)
    token = first._response.next_page_token
    for wrong in (
        {"parent": parent, "page_size": -1},
        {"parent": ORGANIZATION, "page_token": token},
        {"parent": parent, "page_token": "token"},
    ):
        with pytest.raises(exceptions.InvalidArgument):
            boundaries.list_principal_access_boundary_policies(request=wrong, timeout=10)


def test_a_validated_creation_is_not_kept(boundaries: Client, create: Create) -> None:
    """The operation shows what it would be; what is wrong is refused all the same."""
    shown = create(display_name="d", validate_only=True)
    assert shown.display_name == "d"
    with pytest.raises(exceptions.NotFound):
        get(boundaries, shown)
    with pytest.raises(exceptions.InvalidArgument):
        create(rules=[], validate_only=True)


def test_an_update_changes_what_the_mask_names(boundaries: Client, create: Create) -> None:
    """Without a mask everything that can be changed, with `*` too, otherwise no more than asked."""
    made = create(display_name="d", annotations={"a": "b"})
    other = Policy(made, display_name="other")
    other.annotations = {"c": "d"}
    other.details.rules[0].description = "text"
    other.etag = ""
    shown = update(boundaries, other, "display_name", validate_only=True)
    assert (shown.display_name, get(boundaries, made)) == ("other", made)
    named = update(boundaries, other, "display_name")
    assert (named.display_name, dict(named.annotations)) == ("other", {"a": "b"})
    assert named.details == made.details
    assert (named.uid, named.create_time) == (made.uid, made.create_time)
    assert named.etag != made.etag
    rules = update(boundaries, other, "details.rules")
    assert rules.details.rules[0].description == "text"
    bare = Policy(name=made.name)
    for paths in ([], ["*"]):
        assert dict(update(boundaries, bare, "annotations").annotations) == {}
        after = update(boundaries, other, *paths)
        assert dict(after.annotations) == {"c": "d"}
        assert get(boundaries, made) == after


@pytest.mark.parametrize("path", ["name", "uid", "etag", "details.nothing", "nothing"])
def test_a_mask_names_fields_that_can_change(boundaries: Client, create: Create, path: str) -> None:
    """Any other is INVALID_ARGUMENT."""
    made = create()
    with pytest.raises(exceptions.InvalidArgument):
        update(boundaries, made, path)


def test_a_stale_etag_aborts(boundaries: Client, create: Create) -> None:
    """An update and a deletion with the etag of an older state are ABORTED."""
    made = create()
    assert update(boundaries, made, "display_name").etag != made.etag
    with pytest.raises(exceptions.Aborted):
        update(boundaries, made, "display_name")
    with pytest.raises(exceptions.Aborted):
        delete(boundaries, name=made.name, etag=made.etag)


def test_a_deleted_policy_is_gone(boundaries: Client, create: Create) -> None:
    """A deletion that is only validated deletes nothing."""
    made = create()
    delete(boundaries, name=made.name, etag=made.etag, validate_only=True)
    assert get(boundaries, made) == made
    delete(boundaries, name=made.name, etag=made.etag)
    with pytest.raises(exceptions.NotFound):
        get(boundaries, made)
    with pytest.raises(exceptions.NotFound):
        delete(boundaries, name=made.name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": []},
        {"rules": [{"resources": [FOLDER]}]},
        {"rules": [{"effect": "ALLOW"}]},
        {"rules": [{"effect": "ALLOW", "resources": ["folders/42"]}]},
        {"rules": [{**RULE, "description": "x" * 257}]},
        {"rules": [RULE] * 501},
        {"rules": [{"effect": "ALLOW", "resources": [FOLDER] * 501}]},
        {"details": {"rules": [RULE], "enforcement_version": "newest"}},
        {"display_name": "x" * 64},
        {"policy_id": "x"},
        {"policy_id": "1abc"},
        {"parent": "organizations/2222"},
        {"parent": "organizations/2222/locations/europe"},
        {"parent": "organizations/example.com/locations/global"},
        {"parent": "folders/2222/locations/global"},
    ],
)
def test_a_bad_boundary_is_invalid(create: Create, wrong: dict[str, Any]) -> None:
    """Rules, texts, ids and parents that are not as documented."""
    with pytest.raises(exceptions.InvalidArgument):
        create(**wrong)


def test_the_beta_sees_the_same_policies(boundaries: Client, create: Create) -> None:
    """What one version made, the other reads and changes."""
    made = create()
    with iam_v3beta.PrincipalAccessBoundaryPoliciesClient() as beta:
        seen = beta.get_principal_access_boundary_policy(name=made.name, timeout=10)
        seen.display_name = "beta"
        operation = beta.update_principal_access_boundary_policy(
            principal_access_boundary_policy=seen, timeout=10
        )
        assert isinstance(operation.result(timeout=30), type(seen))
    assert get(boundaries, made).display_name == "beta"


@pytest.mark.parametrize("owner", ["projects/100000000001", "folders/42", "organizations/2222"])
def test_an_access_policy_is_owned_by_any_container(
    access: iam_v3.AccessPoliciesClient, create_access: CreateAccess, owner: str, project: str
) -> None:
    """A project, which is named by its id or its number, a folder or an organization."""
    made = create_access({}, owner)
    shown = project if owner.startswith("projects") else owner
    assert made.name.startswith(f"{shown}/locations/global/accessPolicies/")
    assert access.get_access_policy(name=made.name, timeout=10) == made
    listed = access.list_access_policies(parent=f"{owner}/locations/global", timeout=10)
    assert made in list(listed)


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "EFFECT_UNSPECIFIED"},
        {"principals": []},
        {"principals": ["principalSet://goog/public:all"]},
        {"principals": ["deleted:principal://goog/subject/a@example.com?uid=1"]},
        {"excluded_principals": ["user:a@example.com"]},
        {"operation": {}},
        {"operation": {"permissions": ["storage.googleapis.com/buckets.get"]}},
        {"description": "x" * 257},
        {"conditions": {"storage.googleapis.com": {"expression": "true"}}},
        {"conditions": {"eventarc.googleapis.com": {}}},
        {"conditions": {"iam.googleapis.com": {"expression": "resource.name == 'a'"}}},
    ],
)
def test_a_bad_access_rule_is_invalid(create_access: CreateAccess, rule: dict[str, Any]) -> None:
    """Effects, principals, permissions and conditions that are not as documented."""
    with pytest.raises(exceptions.InvalidArgument):
        create_access(rule)


def test_an_access_policy_is_updated_as_a_whole(
    access: iam_v3.AccessPoliciesClient, create_access: CreateAccess
) -> None:
    """Its update has no mask: what can be changed becomes what was sent."""
    tags = {"iam.googleapis.com": {"expression": 'resource.hasTagKey("1/env")'}}
    made = create_access({"conditions": tags})
    wanted = iam_v3.AccessPolicy(made, display_name="other")
    request = {"access_policy": wanted}
    after = access.update_access_policy(request=request, timeout=10).result(timeout=30)
    assert (after.display_name, after.details) == ("other", made.details)
    with pytest.raises(exceptions.Aborted):
        access.update_access_policy(request=request, timeout=10)


def test_an_access_policy_names_a_deleted_account_as_deleted(
    access: iam_v3.AccessPoliciesClient,
    create_access: CreateAccess,
    admin: iam_admin_v1.IAMClient,
    account: iam_admin_v1.ServiceAccount,
) -> None:
    """A principal that is deleted carries its unique id, and the etag changes."""
    live = f"{ACCOUNT}{account.email}"
    made = create_access({"principals": [live]})
    admin.delete_service_account(name=account.name, timeout=10)
    after = access.get_access_policy(name=made.name, timeout=10)
    gone = f"deleted:{live}?uid={account.unique_id}"
    assert list(after.details.rules[0].principals) == [gone]
    assert after.etag != made.etag
