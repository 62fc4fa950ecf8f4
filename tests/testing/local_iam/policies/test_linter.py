"""The linter of conditions."""

import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1
from google.type import expr_pb2  # type: ignore[import-untyped]

IAM = iam_admin_v1.IAMClient
PROJECT = "//cloudresourcemanager.googleapis.com/projects/iam-cookbook"
Severity = iam_admin_v1.LintResult.Severity


def lint(admin: IAM, expression: str) -> list[iam_admin_v1.LintResult]:
    """Return what the linter says about an expression."""
    request = {"condition": expr_pb2.Expr(title="t", expression=expression)}
    return list(admin.lint_policy(request=request, timeout=10).lint_results)


def test_a_good_condition_has_no_results(admin: IAM) -> None:
    """An empty response means that nothing was found."""
    assert lint(admin, "request.time < timestamp('2999-01-01T00:00:00Z')") == []


def test_a_broken_condition_is_an_error_with_its_place(admin: IAM) -> None:
    """The result names the field and the character."""
    (result,) = lint(admin, "request.time <")
    assert result.severity == Severity.ERROR
    assert result.field_name == "condition.expression"
    assert result.location_offset == 14


def test_an_expired_condition_is_a_warning(admin: IAM) -> None:
    """It can never be true again."""
    (result,) = lint(admin, "request.time < timestamp('2001-01-01T00:00:00Z')")
    assert result.severity == Severity.WARNING


def test_nothing_to_lint_is_invalid(admin: IAM) -> None:
    """The request must hold a condition."""
    with pytest.raises(exceptions.InvalidArgument):
        admin.lint_policy(request={"full_resource_name": PROJECT}, timeout=10)
