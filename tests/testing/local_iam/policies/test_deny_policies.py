"""Deny policies: `iam_v2` and its beta."""

# google-api-core's operations have no types
# mypy: disallow-untyped-calls=False

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1, iam_v2, iam_v2beta
from google.iam.v1 import policy_pb2  # type: ignore[import-untyped]

from recipes.testing.local_iam import LocalIAM

Client = iam_v2.PoliciesClient
Create = Callable[..., iam_v2.Policy]
EVERYONE = "principalSet://goog/public:all"
ACCOUNT = "principal://iam.googleapis.com/projects/-/serviceAccounts/"
CONTAINER = "principalSet://cloudresourcemanager.googleapis.com"
GET, ACT_AS = "iam.serviceAccounts.get", "iam.serviceAccounts.actAs"
DENY_ACT_AS = "iam.googleapis.com/serviceAccounts.actAs"
RULE = {"denied_principals": [EVERYONE], "denied_permissions": ["iam.googleapis.com/roles.list"]}


def attached(resource: str) -> str:
    """Return the parent of the deny policies of a project, a folder or an organization."""
    point = quote(f"cloudresourcemanager.googleapis.com/{resource}", safe="")
    return f"policies/{point}/denypolicies"


@pytest.fixture(scope="module")
def shared_deny(client_environment: None) -> Iterator[Client]:
    """Keep one client for all tests."""
    with iam_v2.PoliciesClient() as client:
        yield client


@pytest.fixture
def deny(local_iam: LocalIAM, shared_deny: Client) -> Client:
    """Give a test the client."""
    return shared_deny


@pytest.fixture
def parent(project: str) -> str:
    """Return the parent of the project's deny policies."""
    return attached(project)


@pytest.fixture
def create(deny: Client, parent: str, new_id: str) -> Create:
    """Create a deny policy: `create(rule=..., policy_id=..., display_name=...)`."""

    def make(
        rule: dict[str, Any] = RULE, policy_id: str = new_id, parent: str = parent, **fields: Any
    ) -> iam_v2.Policy:
        policy = iam_v2.Policy(rules=[{"deny_rule": {**RULE, **rule}}], **fields)
        request = {"parent": parent, "policy_id": policy_id, "policy": policy}
        operation = deny.create_policy(request=request, timeout=10)
        made: iam_v2.Policy = operation.result(timeout=30)
        return made

    return make


def test_a_policy_is_kept_with_the_number_of_its_project(
    deny: Client, create: Create, new_id: str
) -> None:
    """A request may name the project by id or number; an answer has the number."""
    made = create(display_name="d", annotations={"a": "b"})
    assert made.name == f"{attached('projects/100000000001')}/{new_id}"
    assert (made.kind, made.display_name, dict(made.annotations)) == ("DenyPolicy", "d", {"a": "b"})
    assert made.uid
    assert made.etag
    assert made.create_time <= made.update_time
    by_id = f"{attached('projects/iam-cookbook')}/{new_id}"
    assert deny.get_policy(name=by_id, timeout=10) == made
    assert deny.get_policy(name=made.name, timeout=10) == made


def test_a_new_policy_does_not_say_what_only_the_service_says(create: Create) -> None:
    """Its kind, uid, etag and times are the service's, whatever the request has."""
    long_ago = datetime(2001, 1, 1, tzinfo=timezone.utc)
    times = {"create_time": long_ago, "update_time": long_ago, "delete_time": long_ago}
    made = create(kind="Other", uid="mine", etag="mine", **times)
    assert made.kind == "DenyPolicy"
    assert "mine" not in (made.uid, made.etag)
    assert long_ago < made.create_time <= made.update_time
    assert "delete_time" not in made


def test_a_list_has_no_rules_and_ignores_the_page_size(deny: Client, create: Create) -> None:
    """The policies of one attachment point, in one page, as metadata."""
    parent = attached("organizations/5555")
    made = [create(policy_id=f"policy-{n}", parent=parent) for n in range(3)]
    request = {"parent": parent, "page_size": 1}
    listed = deny.list_policies(request=request, timeout=10)._response
    assert [policy.name for policy in listed.policies] == [policy.name for policy in made]
    assert [len(policy.rules) for policy in listed.policies] == [0, 0, 0]
    assert [policy.etag for policy in listed.policies] == [policy.etag for policy in made]
    assert listed.next_page_token == ""
    assert len(deny.get_policy(name=made[0].name, timeout=10).rules) == 1


def test_an_update_changes_rules_and_display_name_alone(deny: Client, create: Create) -> None:
    """Annotations, uid and the time of creation stay; etag and the time of the update change."""
    made = create(annotations={"a": "b"})
    wanted = iam_v2.Policy(made)
    wanted.display_name = "other"
    wanted.annotations = {"c": "d"}
    wanted.rules[0].deny_rule.denied_permissions = ["iam.googleapis.com/roles.get"]
    after = deny.update_policy(request={"policy": wanted}, timeout=10).result(timeout=30)
    assert after.rules == wanted.rules
    assert (after.display_name, dict(after.annotations)) == ("other", {"a": "b"})
    assert (after.uid, after.create_time) == (made.uid, made.create_time)
    assert after.etag != made.etag
    assert after.update_time > made.update_time
    assert deny.get_policy(name=made.name, timeout=10) == after


def test_a_stale_etag_aborts(deny: Client, create: Create) -> None:
    """Of two read-modify-writes the second is ABORTED, and so is a deletion with the old etag."""
    made = create()
    deny.update_policy(request={"policy": made}, timeout=10).result(timeout=30)
    with pytest.raises(exceptions.Aborted):
        deny.update_policy(request={"policy": made}, timeout=10)
    with pytest.raises(exceptions.Aborted):
        deny.delete_policy(request={"name": made.name, "etag": made.etag}, timeout=10)


def test_a_deleted_policy_is_gone(deny: Client, create: Create) -> None:
    """The operation shows when it was deleted; the name is free again."""
    made = create()
    deleted = deny.delete_policy(name=made.name, timeout=10).result(timeout=30)
    assert deleted.delete_time >= made.update_time
    for call in (deny.get_policy, deny.delete_policy):
        with pytest.raises(exceptions.NotFound):
            call(name=made.name, timeout=10)
    with pytest.raises(exceptions.NotFound):
        deny.update_policy(request={"policy": made}, timeout=10)
    assert create().uid != made.uid


def test_a_second_policy_of_the_same_id_already_exists(create: Create) -> None:
    """An id is used once at an attachment point, and again at another one."""
    create()
    with pytest.raises(exceptions.AlreadyExists):
        create()
    create(parent=attached("folders/77"))


@pytest.mark.parametrize(
    "rule",
    [
        {"denied_principals": []},
        {"denied_permissions": []},
        {"denied_principals": ["user:a@example.com"]},
        {"denied_principals": ["principal://goog/subject/"]},
        {"denied_principals": [f"{ACCOUNT}nobody@iam-cookbook.iam.gserviceaccount.com"]},
        {"exception_principals": [EVERYONE]},
        {"denied_permissions": ["iam.roles.list"]},
        {"denied_permissions": ["iam.googleapis.com/roles.fly"]},
        {"exception_permissions": ["roles.list"]},
        {"denial_condition": {"expression": "resource.matchTag("}},
        {"denial_condition": {"expression": 'resource.name == "a"'}},
    ],
)
def test_a_bad_rule_is_invalid(create: Create, rule: dict[str, Any]) -> None:
    """Nobody, nothing, unknown forms, accounts that do not exist, conditions beyond tags."""
    with pytest.raises(exceptions.InvalidArgument):
        create(rule)


def test_a_rule_holds_every_documented_form(create: Create, account: Any) -> None:
    """Principals of every kind, groups of permissions, conditions of tags."""
    tags = 'resource.matchTag("1/env", "test") && !resource.hasTagKeyId("tagKeys/1")'
    rule = {
        "denied_principals": [
            "principal://goog/subject/a@example.com",
            "deleted:principal://goog/subject/a@example.com?uid=1",
            "principalSet://goog/group/g@example.com",
            "principalSet://goog/cloudIdentityCustomerId/C01Abc35",
        ],
        "exception_principals": [f"{ACCOUNT}{account.email}"],
        "denied_permissions": ["iam.googleapis.com/roles.*", "storage.googleapis.com/*.*"],
        "denial_condition": {"expression": tags},
    }
    shown = type(create(rule).rules[0].deny_rule).to_dict(create(rule, "other").rules[0].deny_rule)
    assert {name: shown[name] for name in rule if name != "denial_condition"} == {
        name: value for name, value in rule.items() if name != "denial_condition"
    }
    assert shown["denial_condition"]["expression"] == tags


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"display_name": "x" * 64}, {}),
        ({"annotations": {"k" * 64: ""}}, {}),
        ({"annotations": {"k": "v" * 256}}, {}),
        ({}, {"policy_id": "ab"}),
        ({}, {"policy_id": "Upper"}),
        ({}, {"policy_id": "a" * 64}),
        ({}, {"parent": "policies/denypolicies"}),
        ({}, {"parent": "policies/iam.googleapis.com%2Fprojects%2Fx/denypolicies"}),
        ({}, {"parent": attached("organizations/example.com")}),
        ({}, {"parent": attached("projects/iam-cookbook").replace("deny", "allow")}),
    ],
)
def test_a_bad_request_is_invalid(
    create: Create, fields: dict[str, Any], where: dict[str, str]
) -> None:
    """Texts that are too long, ids and attachment points of the wrong form."""
    with pytest.raises(exceptions.InvalidArgument):
        create(**fields, **where)


def test_an_unknown_project_is_not_found(create: Create) -> None:
    """A policy is attached to what exists."""
    with pytest.raises(exceptions.NotFound):
        create(parent=attached("projects/nowhere"))


def test_a_policy_names_a_deleted_account_as_deleted(
    deny: Client, create: Create, admin: iam_admin_v1.IAMClient, account: Any
) -> None:
    """A principal that is deleted carries its unique id, until it is undeleted."""
    live = f"{ACCOUNT}{account.email}"
    made = create({"denied_principals": [live, EVERYONE]})

    def principals() -> list[str]:
        policy = deny.get_policy(name=made.name, timeout=10)
        return list(policy.rules[0].deny_rule.denied_principals)

    admin.delete_service_account(name=account.name, timeout=10)
    assert principals() == [f"deleted:{live}?uid={account.unique_id}", EVERYONE]
    name = f"projects/-/serviceAccounts/{account.unique_id}"
    admin.undelete_service_account(request={"name": name}, timeout=10)
    assert principals() == [live, EVERYONE]


@pytest.fixture
def allowed(
    admin: iam_admin_v1.IAMClient, account: iam_admin_v1.ServiceAccount
) -> Callable[[], list[str]]:
    """Permit everyone to get and act as the test's account; tell what of it is not denied."""
    roles = ("roles/iam.serviceAccountUser", "roles/iam.serviceAccountViewer")
    bindings = [policy_pb2.Binding(role=role, members=["allUsers"]) for role in roles]
    policy = policy_pb2.Policy(bindings=bindings)
    admin.set_iam_policy(request={"resource": account.name, "policy": policy}, timeout=10)

    def ask() -> list[str]:
        response = admin.test_iam_permissions(
            resource=account.name, permissions=[GET, ACT_AS], timeout=10
        )
        return list(response.permissions)

    return ask


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"denied_permissions": [DENY_ACT_AS]}, [GET]),
        ({"denied_permissions": ["iam.googleapis.com/serviceAccounts.*"]}, []),
        ({"denied_permissions": ["iam.googleapis.com/*.get"]}, [ACT_AS]),
        ({"denied_permissions": ["storage.googleapis.com/*.*"]}, [GET, ACT_AS]),
        (
            {
                "denied_permissions": ["iam.googleapis.com/*.*"],
                "exception_permissions": [DENY_ACT_AS],
            },
            [ACT_AS],
        ),
        ({"denied_principals": ["principal://goog/subject/a@example.com"]}, [GET, ACT_AS]),
        ({"denied_principals": [f"{ACCOUNT}CALLER"]}, [GET]),
        ({"denied_principals": [f"{CONTAINER}/projects/100000000002/type/ServiceAccount"]}, [GET]),
        ({"denied_principals": [f"{CONTAINER}/projects/100000000001"]}, [GET, ACT_AS]),
        ({"exception_principals": [f"{ACCOUNT}CALLER"]}, [GET, ACT_AS]),
        ({"denial_condition": {"expression": 'resource.hasTagKey("1/env")'}}, [GET, ACT_AS]),
        ({"denial_condition": {"expression": '!resource.hasTagKey("1/env")'}}, [GET]),
        (
            {
                "denial_condition": {
                    "expression": '!resource.hasTagKey("1/a") && resource.hasTagKey("1/b")'
                }
            },
            [GET, ACT_AS],
        ),
        (
            {
                "denial_condition": {
                    "expression": '!resource.hasTagKey("1/a") || resource.hasTagKey("1/b")'
                }
            },
            [GET],
        ),
    ],
)
def test_a_policy_of_the_project_denies(
    deny: Client,
    create: Create,
    allowed: Callable[[], list[str]],
    local_iam: LocalIAM,
    rule: dict[str, Any],
    left: list[str],
) -> None:
    """Permissions go, except the exceptions, while the policy is there and its condition holds."""
    assert allowed() == [GET, ACT_AS]
    named = {
        key: [name.replace("CALLER", local_iam.caller) for name in value]
        if isinstance(value, list)
        else value
        for key, value in rule.items()
    }
    made = create({"denied_permissions": [DENY_ACT_AS], **named})
    try:
        assert allowed() == left
    finally:
        deny.delete_policy(name=made.name, timeout=10).result(timeout=30)
    assert allowed() == [GET, ACT_AS]


def test_a_policy_of_another_project_denies_nothing(
    deny: Client, create: Create, allowed: Callable[[], list[str]], project: str
) -> None:
    """Nor does one of a folder or an organization, which no project here is in."""
    for owner in (f"{project}-caller", "folders/42", "organizations/42"):
        made = create({"denied_permissions": [DENY_ACT_AS]}, parent=attached(owner))
        assert allowed() == [GET, ACT_AS]
        deny.delete_policy(name=made.name, timeout=10).result(timeout=30)


def test_the_beta_sees_the_same_policies(deny: Client, create: Create) -> None:
    """What one version made, the other reads, changes and deletes."""
    made = create(display_name="d")
    with iam_v2beta.PoliciesClient() as beta:
        seen = beta.get_policy(request={"name": made.name}, timeout=10)
        assert (seen.etag, seen.display_name) == (made.etag, "d")
        seen.display_name = "beta"
        after = beta.update_policy(request={"policy": seen}, timeout=10).result(timeout=30)
        assert isinstance(after, iam_v2beta.Policy)
        assert deny.get_policy(name=made.name, timeout=10).display_name == "beta"
        beta.delete_policy(request={"name": made.name}, timeout=10).result(timeout=30)
    with pytest.raises(exceptions.NotFound):
        deny.get_policy(name=made.name, timeout=10)
