"""Long-running operations, as the clients see them."""

import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import iam_v2, iam_v3
from google.longrunning import operations_pb2  # type: ignore[import-untyped]

from recipes.testing.local_iam import LocalIAM

LOCATION = "organizations/8888/locations/global"
PARENT = "policies/cloudresourcemanager.googleapis.com%2Ffolders%2F8888/denypolicies"
RULE = {
    "denied_principals": ["principalSet://goog/public:all"],
    "denied_permissions": ["iam.googleapis.com/roles.list"],
}


def begin(transport: str, version: str, new_id: str) -> tuple[Any, Any]:
    """Begin to create a policy; return the client and the operation."""
    if version == "v2":
        policies = iam_v2.PoliciesClient(transport=transport)
        request: dict[str, Any] = {"parent": PARENT, "policy_id": new_id}
        request["policy"] = {"rules": [{"deny_rule": RULE}]}
        return policies, policies.create_policy(request=request, timeout=10)
    access = iam_v3.AccessPoliciesClient(transport=transport)
    request = {"parent": LOCATION, "access_policy_id": new_id, "access_policy": {}}
    return access, access.create_access_policy(request=request, timeout=10)


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_an_operation_runs_until_it_is_asked_for(
    local_iam: LocalIAM, new_id: str, transport: str, version: str
) -> None:
    """The answer of the method is not done; the client asks once, and has the result."""
    client, operation = begin(transport, version, new_id)
    with client:
        assert not operation.operation.done
        assert "GetOperation" not in local_iam.observe().calls
        result = operation.result(timeout=30)
        assert local_iam.observe().calls["GetOperation"] == 1
        assert result.name.endswith(f"/{new_id}")
        assert operation.done()
        assert operation.metadata.create_time >= result.create_time
        request = operations_pb2.GetOperationRequest(name=operation.operation.name)
        assert client.get_operation(request=request, timeout=10).done


def test_the_name_of_an_operation_is_below_what_it_is_about(
    local_iam: LocalIAM, new_id: str
) -> None:
    """Below the deny policy, or below the location of the other resources."""
    for version, parent in (("v2", f"{PARENT}/{new_id}"), ("v3", LOCATION)):
        client, operation = begin("grpc", version, new_id)
        with client:
            name = operation.operation.name
            assert name.rpartition("/")[0] == f"{parent}/operations"


def test_the_metadata_say_what_is_done_and_when(local_iam: LocalIAM, new_id: str) -> None:
    """The verb, the target and the version; the end when the operation has ended."""
    client, operation = begin("grpc", "v3", new_id)
    with client:
        begun = operation.metadata
        operation.result(timeout=30)
        ended = operation.metadata
    target = f"{LOCATION}/accessPolicies/{new_id}"
    assert (begun.verb, begun.target, begun.api_version) == ("create", target, "v3")
    assert "end_time" not in begun
    assert ended.create_time <= ended.end_time


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_an_unknown_operation_is_not_found(local_iam: LocalIAM, transport: str) -> None:
    """NOT_FOUND, over gRPC and as 404."""
    request = operations_pb2.GetOperationRequest(name=f"{LOCATION}/operations/none")
    with (
        iam_v3.PolicyBindingsClient(transport=transport) as client,
        pytest.raises(exceptions.NotFound),
    ):
        client.get_operation(request=request, timeout=10)


def test_an_operation_cannot_be_cancelled_or_listed(local_iam: LocalIAM, new_id: str) -> None:
    """It has ended when the client looks; of the operations service IAM has GetOperation alone."""
    client, operation = begin("grpc", "v2", new_id)
    with client:
        assert not operation.cancel()
        operations = client.transport.operations_client
        for call in (operations.cancel_operation, operations.delete_operation):
            with pytest.raises(exceptions.MethodNotImplemented):
                call(operation.operation.name, timeout=10)
        with pytest.raises(exceptions.MethodNotImplemented):
            list(operations.list_operations(PARENT, "", timeout=10))


def test_an_operation_can_be_made_to_take_long(local_iam: LocalIAM, new_id: str) -> None:
    """A slow `get_operation` keeps whoever waits for the result waiting."""
    client, operation = begin("grpc", "v2", new_id)
    local_iam.slow(0.3, method="get_operation")
    with client:
        start = time.monotonic()
        operation.result(timeout=30)
        assert time.monotonic() - start >= 0.3


def test_an_operation_can_be_made_to_fail(local_iam: LocalIAM, new_id: str) -> None:
    """A fault of `get_operation` meets whoever waits for the result."""
    client, operation = begin("grpc", "v2", new_id)
    local_iam.fail("PERMISSION_DENIED", method="get_operation")
    with client, pytest.raises(exceptions.PermissionDenied):
        operation.result(timeout=30)
