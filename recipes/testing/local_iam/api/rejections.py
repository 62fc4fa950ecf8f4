"""What the service answers when it does not do what was asked."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode


class Rejection(Exception):  # noqa: N818
    """A call that ends with a status code, a message and `google.rpc` details."""

    def __init__(self, code: StatusCode, message: str, details: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)

    def status(self) -> status_pb2.Status:
        """Return the `google.rpc.Status` that carries code, message and details."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status


def error_info(reason: str, **metadata: str) -> Any:
    """Return the `ErrorInfo` detail that names a machine-readable reason."""
    return error_details_pb2.ErrorInfo(
        reason=reason, domain="iam.googleapis.com", metadata=metadata
    )


def retry_info(seconds: float) -> Any:
    """Return the `RetryInfo` detail that says when to try again."""
    detail = error_details_pb2.RetryInfo()
    detail.retry_delay.FromTimedelta(timedelta(seconds=seconds))
    return detail


def invalid(field: str, message: str) -> Rejection:
    """Return INVALID_ARGUMENT with the field that is wrong."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
    return Rejection(
        StatusCode.INVALID_ARGUMENT,
        message,
        [error_details_pb2.BadRequest(field_violations=[violation])],
    )


def too_long(field: str, limit: int) -> Rejection:
    """Return INVALID_ARGUMENT: a text is too long."""
    return invalid(field, f"{field.rpartition('.')[2]} is longer than {limit} characters.")


def not_found(message: str) -> Rejection:
    """Return NOT_FOUND."""
    return Rejection(StatusCode.NOT_FOUND, message)


def already_exists(message: str) -> Rejection:
    """Return ALREADY_EXISTS."""
    return Rejection(StatusCode.ALREADY_EXISTS, message)


def failed_precondition(message: str) -> Rejection:
    """Return FAILED_PRECONDITION."""
    return Rejection(StatusCode.FAILED_PRECONDITION, message)


def permission_denied(permission: str, resource: str) -> Rejection:
    """Return PERMISSION_DENIED in the words of the service."""
    return Rejection(
        StatusCode.PERMISSION_DENIED,
        f"Permission '{permission}' denied on resource (or it may not exist).",
        [error_info("IAM_PERMISSION_DENIED", permission=permission, resource=resource)],
    )


def unauthenticated(message: str, reason: str = "ACCESS_TOKEN_TYPE_UNSUPPORTED") -> Rejection:
    """Return UNAUTHENTICATED."""
    return Rejection(StatusCode.UNAUTHENTICATED, message, [error_info(reason)])


def aborted() -> Rejection:
    """Return ABORTED: the etag of the request is stale."""
    return Rejection(
        StatusCode.ABORTED,
        "There were concurrent policy changes. "
        "Please retry the whole read-modify-write with exponential backoff.",
    )


def exhausted(message: str, retry_seconds: float, *details: Any) -> Rejection:
    """Return RESOURCE_EXHAUSTED with a `RetryInfo`."""
    return Rejection(StatusCode.RESOURCE_EXHAUSTED, message, [retry_info(retry_seconds), *details])
