"""The linter of conditions."""

from google.cloud.iam_admin_v1.types import iam

from ..api.methods import ADMIN, Call, serves
from ..api.queries import resource_of
from ..api.rejections import invalid
from .conditions import ConditionError, expired, parse


@serves(ADMIN)
def lint_policy(call: Call, request: iam.LintPolicyRequest) -> iam.LintPolicyResponse:
    if "condition" not in request:
        raise invalid("condition", "There is no object to lint.")
    if request.full_resource_name:
        resource_of(call.state, request.full_resource_name)
    return iam.LintPolicyResponse(lint_results=lint(request.condition.expression))


def lint(expression: str) -> list[iam.LintResult]:
    """Return what is wrong with a condition."""
    severity = iam.LintResult.Severity
    try:
        tree = parse(expression)
    except ConditionError as error:
        return [finding("ConditionCompileCheck", severity.ERROR, str(error), error.offset)]
    if expired(tree):
        message = "The condition is never true: its expiry time has passed."
        return [finding("ConditionTimestampCheck", severity.WARNING, message, 0)]
    return []


def finding(unit: str, severity: int, message: str, offset: int) -> iam.LintResult:
    """Return one result of the linter."""
    return iam.LintResult(
        level=iam.LintResult.Level.CONDITION,
        validation_unit_name=f"LintValidationUnits/{unit}",
        severity=severity,
        field_name="condition.expression",
        location_offset=offset,
        debug_message=message,
    )
