"""Every client class of the installed package, with each of its transports."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.api_core import exceptions

from recipes.testing.local_iam import LocalIAM
from tests.support import installed_clients as installed

GRPC = ("grpc", "grpc_asyncio")
ALL = (*GRPC, "rest")
ORGANIZATION = "organizations/123456789012/locations/global"
Call = Callable[..., Awaitable[Any]]
Visit = Callable[[Call, LocalIAM, str], Awaitable[None]]


async def accounts(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Make a service account and read it."""
    name = f"projects/{local_iam.project}"
    made = await call("create_service_account", name=name, account_id=new_id)
    assert await call("get_service_account", name=made.name) == made


async def signatures(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Sign as a service account."""
    name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
    response = await call("sign_blob", name=name, payload=b"text")
    assert len(response.signed_blob) == 256


async def deny_policies(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Make a deny policy, read it, delete it."""
    parent = "policies/cloudresourcemanager.googleapis.com%2Ffolders%2F42/denypolicies"
    rule = {
        "denied_principals": ["principalSet://goog/public:all"],
        "denied_permissions": ["iam.googleapis.com/roles.list"],
    }
    policy = {"rules": [{"deny_rule": rule}]}
    made = await call("create_policy", parent=parent, policy_id=new_id, policy=policy)
    assert made.name == f"{parent}/{new_id}"
    assert await call("get_policy", name=made.name) == made
    await call("delete_policy", name=made.name, etag=made.etag)
    with pytest.raises(exceptions.NotFound):
        await call("get_policy", name=made.name)


def boundary(resource: str) -> dict[str, Any]:
    """Return a principal access boundary policy that confines to one resource."""
    return {"details": {"rules": [{"effect": "ALLOW", "resources": [resource]}]}}


async def boundaries(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Make a principal access boundary policy, read it, delete it."""
    kind = "principal_access_boundary_policy"
    policy = boundary("//cloudresourcemanager.googleapis.com/folders/42")
    request = {"parent": ORGANIZATION, f"{kind}_id": new_id, kind: policy}
    made = await call(f"create_{kind}", **request)
    assert await call(f"get_{kind}", name=made.name) == made
    await call(f"delete_{kind}", name=made.name, etag=made.etag)
    with pytest.raises(exceptions.NotFound):
        await call(f"get_{kind}", name=made.name)


async def access_policies(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Make an access policy, read it, delete it."""
    rule = {
        "effect": "ALLOW",
        "principals": ["principal://goog/subject/a@example.com"],
        "operation": {"permissions": ["eventarc.googleapis.com/messageBuses.publish"]},
    }
    parent = f"projects/{local_iam.project}/locations/global"
    policy = {"details": {"rules": [rule]}}
    made = await call(
        "create_access_policy", parent=parent, access_policy_id=new_id, access_policy=policy
    )
    assert await call("get_access_policy", name=made.name) == made
    await call("delete_access_policy", name=made.name, etag=made.etag)
    with pytest.raises(exceptions.NotFound):
        await call("get_access_policy", name=made.name)


async def bindings(call: Call, local_iam: LocalIAM, new_id: str) -> None:
    """Look for the bindings of a target that has none, and read one that does not exist."""
    target = "//cloudresourcemanager.googleapis.com/organizations/123456789012"
    found = await call("search_target_policy_bindings", parent=ORGANIZATION, target=target)
    assert list(found.policy_bindings) == []
    with pytest.raises(exceptions.NotFound):
        await call("get_policy_binding", name=f"{ORGANIZATION}/policyBindings/{new_id}")


SERVICES: dict[str, tuple[tuple[str, ...], Visit]] = {
    "iam_admin_v1.IAM": (GRPC, accounts),
    "iam_credentials_v1.IAMCredentials": (ALL, signatures),
    "iam_v2.Policies": (ALL, deny_policies),
    "iam_v2beta.Policies": (GRPC, deny_policies),
    "iam_v3.AccessPolicies": (ALL, access_policies),
    "iam_v3.PolicyBindings": (ALL, bindings),
    "iam_v3.PrincipalAccessBoundaryPolicies": (ALL, boundaries),
    "iam_v3beta.AccessPolicies": (ALL, access_policies),
    "iam_v3beta.PolicyBindings": (ALL, bindings),
    "iam_v3beta.PrincipalAccessBoundaryPolicies": (ALL, boundaries),
}
VISITS = {
    (f"{service}{'Async' if installed.is_async(label) else ''}Client", label): visit
    for service, (labels, visit) in SERVICES.items()
    for label in labels
}


def test_every_client_of_the_installed_package_is_called() -> None:
    """The classes and transports that a walk finds are those that the next test calls."""
    assert set(installed.clients()) == {name for name, _ in VISITS}
    assert installed.variants() == set(VISITS)


@pytest.mark.parametrize(("name", "label"), sorted(VISITS))
def test_a_client_is_answered(local_iam: LocalIAM, new_id: str, name: str, label: str) -> None:
    """The unmodified class, with each of its transports, does what its service is for."""
    asyncio.run(_visit(installed.clients()[name], label, VISITS[name, label], local_iam, new_id))


async def _visit(
    client_class: Any, label: str, visit: Visit, local_iam: LocalIAM, new_id: str
) -> None:
    client = client_class(transport=label)

    async def call(method: str, **request: Any) -> Any:
        answer = await _settled(getattr(client, method)(request=request, timeout=10))
        if hasattr(answer, "operation"):
            return await _settled(answer.result(timeout=30))
        return getattr(answer, "_response", answer)

    try:
        await visit(call, local_iam, new_id)
    finally:
        await _settled(client.transport.close())


async def _settled(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer
