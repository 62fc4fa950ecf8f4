"""Long-running operations: what a method began, and how it ended."""

import secrets
from typing import Any

from google.longrunning import operations_pb2  # type: ignore[import-untyped]

from .methods import OPERATIONS, Call, Rule, serves
from .rejections import not_found


def begin(call: Call, parent: str, response: Any, metadata: Any, **end: Any) -> Any:
    """Keep an operation that succeeds with a response, and answer that it runs.

    Whoever asks for it finds it done, with the metadata of its `end` too.
    """
    name = f"{parent}/operations/operation-{secrets.token_hex(12)}"
    running = operations_pb2.Operation(name=name)
    running.metadata.Pack(_protobuf(metadata))
    for field, value in end.items():
        setattr(metadata, field, value)
    done = operations_pb2.Operation(name=name, done=True)
    done.metadata.Pack(_protobuf(metadata))
    done.response.Pack(_protobuf(response))
    call.state.operations[name] = done
    return running


def _protobuf(message: Any) -> Any:
    return type(message).pb(message) if hasattr(type(message), "pb") else message


@serves(
    OPERATIONS,
    Rule("GET", "/*/{name=policies/*/*/*/operations/*}"),
    Rule("GET", "/*/{name=*/*/locations/*/operations/*}"),
)
def get_operation(
    call: Call, request: operations_pb2.GetOperationRequest
) -> operations_pb2.Operation:
    operation = call.state.operations.get(request.name)
    if operation is None:
        raise not_found(f"Operation {request.name} was not found.")
    return operation
