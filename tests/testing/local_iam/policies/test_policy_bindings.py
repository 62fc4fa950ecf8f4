"""Policy bindings: which policy is in force for whom or where."""

# google-api-core's operations have no types
# mypy: disallow-untyped-calls=False

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import iam_v3, iam_v3beta

from recipes.testing.local_iam import LocalIAM

Binding = iam_v3.PolicyBinding
Bind = Callable[..., Binding]
MANAGER = "//cloudresourcemanager.googleapis.com"
RULE = {
    "effect": "ALLOW",
    "principals": ["principal://goog/subject/a@example.com"],
    "operation": {"permissions": ["eventarc.googleapis.com/messageBuses.publish"]},
}
WORKSPACE = "//iam.googleapis.com/locations/global/workspace/C01"
KIND = Binding.PolicyKind


@dataclass
class Clients:
    """The clients of the three services."""

    bindings: iam_v3.PolicyBindingsClient
    boundaries: iam_v3.PrincipalAccessBoundaryPoliciesClient
    access: iam_v3.AccessPoliciesClient


@pytest.fixture(scope="module")
def shared(client_environment: None) -> Iterator[Clients]:
    """Keep the clients for all tests."""
    with (
        iam_v3.PolicyBindingsClient() as bindings,
        iam_v3.PrincipalAccessBoundaryPoliciesClient() as boundaries,
        iam_v3.AccessPoliciesClient() as access,
    ):
        yield Clients(bindings, boundaries, access)


@pytest.fixture
def clients(local_iam: LocalIAM, shared: Clients) -> Clients:
    """Give a test the clients."""
    return shared


@pytest.fixture
def organization() -> str:
    """Return an organization that no other test uses."""
    return f"organizations/{10**11 + secrets.randbelow(10**11)}"


@pytest.fixture
def boundary(clients: Clients, organization: str) -> str:
    """Create a principal access boundary policy; return its name."""
    rule = {"effect": "ALLOW", "resources": [f"{MANAGER}/{organization}"]}
    operation = clients.boundaries.create_principal_access_boundary_policy(
        request={
            "parent": f"{organization}/locations/global",
            "principal_access_boundary_policy_id": "boundary",
            "principal_access_boundary_policy": {"details": {"rules": [rule]}},
        },
        timeout=10,
    )
    return str(operation.result(timeout=30).name)


@pytest.fixture
def access_policy(clients: Clients, organization: str) -> str:
    """Create an access policy; return its name."""
    operation = clients.access.create_access_policy(
        request={
            "parent": f"{organization}/locations/global",
            "access_policy_id": "access",
            "access_policy": {"details": {"rules": [RULE]}},
        },
        timeout=10,
    )
    return str(operation.result(timeout=30).name)


@pytest.fixture
def bind(clients: Clients, organization: str, boundary: str, new_id: str) -> Bind:
    """Bind a policy: `bind(target=..., policy=..., condition=...)`."""

    def make(
        target: Any = None, owner: str = organization, binding_id: str = new_id, **fields: Any
    ) -> Binding:
        validate_only = fields.pop("validate_only", False)
        target = target or {"principal_set": f"{MANAGER}/{owner}"}
        request = {
            "parent": f"{owner}/locations/global",
            "policy_binding_id": binding_id,
            "policy_binding": {"policy": boundary, "target": target, **fields},
            "validate_only": validate_only,
        }
        operation = clients.bindings.create_policy_binding(request=request, timeout=10)
        made: Binding = operation.result(timeout=30)
        return made

    return make


def update(clients: Clients, binding: Binding, *paths: str) -> Binding:
    """Update a binding."""
    request = {"policy_binding": binding, "update_mask": {"paths": paths}}
    operation = clients.bindings.update_policy_binding(request=request, timeout=10)
    after: Binding = operation.result(timeout=30)
    return after


def test_a_binding_knows_its_policy(
    clients: Clients, bind: Bind, boundary: str, organization: str, new_id: str
) -> None:
    """Its kind and its uid are filled in."""
    made = bind(display_name="d")
    policy = clients.boundaries.get_principal_access_boundary_policy(name=boundary, timeout=10)
    assert made.name == f"{organization}/locations/global/policyBindings/{new_id}"
    assert (made.policy, made.policy_uid) == (boundary, policy.uid)
    assert made.policy_kind == KIND.PRINCIPAL_ACCESS_BOUNDARY
    assert clients.bindings.get_policy_binding(name=made.name, timeout=10) == made
    with pytest.raises(exceptions.AlreadyExists):
        bind()


def test_an_access_policy_is_bound_to_a_resource(
    bind: Bind, access_policy: str, organization: str
) -> None:
    """The target is a resource, not a set of principals."""
    made = bind({"resource": f"{MANAGER}/{organization}"}, policy=access_policy)
    assert made.policy_kind == KIND.ACCESS
    with pytest.raises(exceptions.InvalidArgument):
        bind(policy=access_policy, binding_id="other")


def test_a_target_names_a_project_by_its_number(bind: Bind, project: str) -> None:
    """Whichever the request had; the binding is below the project's id."""
    made = bind(owner=project)
    assert made.target.principal_set == f"{MANAGER}/projects/100000000001"
    assert made.name.startswith(f"{project}/locations/global/")


@pytest.mark.parametrize(
    ("owner", "principal_set"),
    [
        ("folders/42", f"{MANAGER}/folders/42"),
        ("organizations/1", WORKSPACE),
        ("organizations/1", "//iam.googleapis.com/locations/global/workforcePools/pool"),
        (
            "projects/iam-cookbook",
            "//iam.googleapis.com/projects/100000000001/locations/global/workloadIdentityPools/p",
        ),
    ],
)
def test_principals_of_every_kind_are_bound(
    clients: Clients, bind: Bind, owner: str, principal_set: str, organization: str
) -> None:
    """Folders, a workspace, pools of workforce and of workloads."""
    owner = organization if owner.startswith("organizations") else owner
    assert bind({"principal_set": principal_set}, owner).target.principal_set == principal_set


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": {"principal_set": f"{MANAGER}/folders/42"}},
        {"target": {"principal_set": "everybody"}},
        {"target": {"resource": f"{MANAGER}/folders/42"}},
        {"target": {"principal_set": WORKSPACE}, "owner": "folders/42"},
        {"policy": "roles/viewer"},
        {"policy": "organizations/1/locations/global/principalAccessBoundaryPolicies/x"},
        {"policy_kind": "ACCESS"},
        {"display_name": "x" * 64},
        {"binding_id": "x"},
        {"owner": "organizations/x"},
    ],
)
def test_a_bad_binding_is_invalid(bind: Bind, wrong: dict[str, Any]) -> None:
    """Targets that are not below the parent, policies that are none, another kind, bad texts."""
    with pytest.raises(exceptions.InvalidArgument):
        bind(**wrong)


def test_a_policy_that_is_bound_must_exist(bind: Bind, boundary: str) -> None:
    """NOT_FOUND otherwise; a policy of another organization is INVALID_ARGUMENT."""
    with pytest.raises(exceptions.NotFound):
        bind(policy=f"{boundary}-gone")
    with pytest.raises(exceptions.InvalidArgument):
        bind(owner="organizations/1")


@pytest.mark.parametrize(
    "expression",
    [
        "principal.type == 'iam.googleapis.com/ServiceAccount'",
        "principal.subject.endsWith('@example.com') && principal.subject != 'a@example.com'",
        "!(principal.subject in ['a@example.com', 'b@example.com'])",
        "||".join(["principal.type in []"] * 10),
    ],
)
def test_a_condition_is_about_the_principal(bind: Bind, expression: str) -> None:
    """Its type and its subject, in the documented comparisons."""
    made = bind(condition={"expression": expression})
    assert made.condition.expression == expression


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "principal.type ==",
        "principal.type == 'robot'",
        "principal.type.startsWith('iam')",
        "principal.subject.contains('a')",
        "principal.subject < 'a'",
        "resource.name == 'a'",
        "||".join(["principal.type in []"] * 11),
        f"principal.subject == '{'a' * 250}'",
    ],
)
def test_a_bad_condition_is_invalid(bind: Bind, expression: str) -> None:
    """Syntax, attributes, comparisons, number of parts, length."""
    with pytest.raises(exceptions.InvalidArgument):
        bind(condition={"expression": expression})


def test_a_binding_of_an_access_policy_has_no_condition(
    bind: Bind, access_policy: str, organization: str
) -> None:
    """Conditions are for principal access boundary policies."""
    with pytest.raises(exceptions.InvalidArgument):
        bind(
            {"resource": f"{MANAGER}/{organization}"},
            policy=access_policy,
            condition={"expression": "principal.subject == 'a'"},
        )


def test_an_update_leaves_target_and_policy_alone(clients: Clients, bind: Bind) -> None:
    """They are immutable: a mask that names them is INVALID_ARGUMENT."""
    made = bind()
    wanted = Binding(made, display_name="other")
    wanted.condition = {"expression": "principal.subject == 'a@example.com'"}
    after = update(clients, wanted)
    assert (after.display_name, after.condition) == ("other", wanted.condition)
    assert (after.target, after.policy) == (made.target, made.policy)
    for path in ("target", "target.principal_set", "policy", "policy_kind"):
        with pytest.raises(exceptions.InvalidArgument):
            update(clients, after, path)
    after.condition = {"expression": "principal.subject"}
    with pytest.raises(exceptions.InvalidArgument):
        update(clients, after, "condition")
    with pytest.raises(exceptions.Aborted):
        update(clients, made)


def test_a_bound_policy_is_deleted_by_force_alone(
    clients: Clients, bind: Bind, boundary: str, access_policy: str, organization: str
) -> None:
    """FAILED_PRECONDITION while a binding refers to it, even if it is only validated."""
    bind()
    bind({"resource": f"{MANAGER}/{organization}"}, binding_id="bound", policy=access_policy)
    for delete, name in (
        (clients.boundaries.delete_principal_access_boundary_policy, boundary),
        (clients.access.delete_access_policy, access_policy),
    ):
        for validate_only in (True, False):
            request = {"name": name, "validate_only": validate_only}
            with pytest.raises(exceptions.FailedPrecondition):
                delete(request=request, timeout=10)
        delete(request={"name": name, "force": True}, timeout=10).result(timeout=30)


def test_a_policy_is_free_when_its_binding_is_deleted(
    clients: Clients, bind: Bind, boundary: str
) -> None:
    """The binding, with the right etag, then the policy."""
    made = bind()
    with pytest.raises(exceptions.Aborted):
        clients.bindings.delete_policy_binding(
            request={"name": made.name, "etag": "stale"}, timeout=10
        )
    request = {"name": made.name, "etag": made.etag}
    clients.bindings.delete_policy_binding(request=request, timeout=10).result(timeout=30)
    with pytest.raises(exceptions.NotFound):
        clients.bindings.get_policy_binding(name=made.name, timeout=10)
    clients.boundaries.delete_principal_access_boundary_policy(name=boundary, timeout=10).result(
        timeout=30
    )


def test_a_target_is_searched_for(
    clients: Clients, bind: Bind, access_policy: str, organization: str
) -> None:
    """The bindings of one target, of all kinds of policy or of one, in pages."""
    target = f"{MANAGER}/{organization}"
    bounds = [bind(binding_id=f"bound-{n}") for n in range(3)]
    access = bind({"resource": target}, binding_id="access", policy=access_policy)
    bind({"principal_set": WORKSPACE}, binding_id="other")

    def found(**fields: Any) -> list[list[Binding]]:
        request = {"parent": f"{organization}/locations/global", "target": target, **fields}
        pager = clients.bindings.search_target_policy_bindings(request=request, timeout=10)
        return [list(page.policy_bindings) for page in pager.pages]

    assert found() == [[access, *bounds]]
    assert found(page_size=2) == [[access, bounds[0]], bounds[1:]]
    assert found(filter="policy_kind=ACCESS") == [[access]]
    assert found(filter="policy_kind=PRINCIPAL_ACCESS_BOUNDARY") == [bounds]
    for wrong in ({"filter": "policy_kind=ALL"}, {"target": "everybody"}, {"parent": organization}):
        with pytest.raises(exceptions.InvalidArgument):
            found(**wrong)


def test_bindings_of_a_policy_are_searched_for(
    clients: Clients, bind: Bind, boundary: str, access_policy: str, organization: str, project: str
) -> None:
    """Wherever they are: below a project too."""
    bounds = [bind(), bind(owner=project)]
    access = bind(
        {"resource": f"{MANAGER}/{organization}"}, binding_id="bound", policy=access_policy
    )
    search = clients.boundaries.search_principal_access_boundary_policy_bindings
    assert list(search(name=boundary, timeout=10)) == sorted(bounds, key=lambda b: b.name)
    found = clients.access.search_access_policy_bindings(name=access_policy, timeout=10)
    assert list(found) == [access]
    with pytest.raises(exceptions.NotFound):
        search(name=f"{boundary}-gone", timeout=10)


def test_a_list_is_filtered(
    clients: Clients, bind: Bind, access_policy: str, boundary: str, organization: str
) -> None:
    """By target and by policy, whole or from the beginning, in any case."""
    bound = bind()
    access = bind({"resource": f"{MANAGER}/{organization}"}, binding_id="a-b", policy=access_policy)

    def listed(text: str) -> list[Binding]:
        request = {"parent": f"{organization}/locations/global", "filter": text}
        return list(clients.bindings.list_policy_bindings(request=request, timeout=10))

    assert listed("") == [access, bound]
    assert listed(f"policy:{boundary.upper()}") == [bound]
    assert listed(f"target:{MANAGER}*") == [access, bound]
    assert listed(f'target:"{MANAGER}/{organization}" AND policy:{access_policy}') == [access]
    assert listed("target://cloud") == []
    with pytest.raises(exceptions.InvalidArgument):
        listed("colour:red")


def test_a_page_belongs_to_its_filter(clients: Clients, bind: Bind, organization: str) -> None:
    """A token of a filtered list is not one of the whole list."""
    for number in range(2):
        bind(binding_id=f"bound-{number}")
    parent = f"{organization}/locations/global"
    request = {"parent": parent, "page_size": 1, "filter": "target:*"}
    pager = clients.bindings.list_policy_bindings(request=request, timeout=10)
    token = pager._response.next_page_token
    assert token
    with pytest.raises(exceptions.InvalidArgument):
        clients.bindings.list_policy_bindings(
            request={"parent": parent, "page_token": token}, timeout=10
        )


def test_a_validated_binding_is_not_kept(clients: Clients, bind: Bind) -> None:
    """It is shown with what would be filled in."""
    shown = bind(validate_only=True)
    assert shown.policy_uid
    with pytest.raises(exceptions.NotFound):
        clients.bindings.get_policy_binding(name=shown.name, timeout=10)


def test_the_beta_sees_the_same_bindings(bind: Bind) -> None:
    """What one version made, the other reads and deletes."""
    made = bind()
    with iam_v3beta.PolicyBindingsClient() as beta:
        seen = beta.get_policy_binding(name=made.name, timeout=10)
        assert (seen.uid, seen.policy) == (made.uid, made.policy)
        beta.delete_policy_binding(name=made.name, timeout=10).result(timeout=30)
        with pytest.raises(exceptions.NotFound):
            beta.get_policy_binding(name=made.name, timeout=10)
