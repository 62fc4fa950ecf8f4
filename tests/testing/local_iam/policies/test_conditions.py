"""The expressions of conditions."""

import pytest

from recipes.testing.local_iam.policies.conditions import ConditionError, expired, holds, parse

NAME = "projects/p/serviceAccounts/worker@p.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "!false",
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9 && 7 % 4 == 3",
        "-1 < 0 && 1.5 >= 1",
        "'a' in ['a', \"b\"]",
        "[1, 2][1] == 2",
        "1 < 2 ? true : false",
        "size('abc') == 3",
        "resource.name.startsWith('projects/p/') && resource.name.contains('worker')",
        "resource.name.matches('w[a-z]+r@')",
        "resource.service == 'iam.googleapis.com' || resource.type == 'x'",
        "request.time > timestamp('2020-01-01T00:00:00Z')",
        "request.time < timestamp('2020-01-01T00:00:00Z') + duration('3153600000s')",
        "request.time.getFullYear('Europe/Berlin') >= 2025",
    ],
)
def test_an_expression_holds(expression: str) -> None:
    """It holds, and its negation does not."""
    assert holds(expression, NAME)
    assert not holds(f"!({expression})", NAME)


@pytest.mark.parametrize(
    ("expression", "offset"),
    [
        ("", 0),
        ("true &&", 7),
        ("request.time < ", 14),
        ("request.tim < 1", 8),
        ("nothing == 1", 0),
        ("fly('a')", 0),
        ("resource.name.fly('a')", 14),
        ("resource.name.startsWith('a', 'b')", 14),
        ("1 == 1)", 6),
        ("(1 == 1", 7),
        ("'open", 0),
        ("true; false", 4),
        ("timestamp('yesterday') < request.time", 0),
        ("request", 0),
        ("a" * 12_801, 12_800),
    ],
)
def test_an_error_says_where(expression: str, offset: int) -> None:
    """The offset is the character where the expression goes wrong."""
    with pytest.raises(ConditionError) as caught:
        parse(expression)
    assert caught.value.offset == offset
    assert not holds(expression, NAME)


def test_deep_nesting_is_an_error() -> None:
    """Ten thousand brackets end in an error, not in a crash."""
    with pytest.raises(ConditionError):
        parse("(" * 5_000 + "true" + ")" * 5_000)
    with pytest.raises(ConditionError):
        parse("!" * 12_000 + "(")


@pytest.mark.parametrize(
    "expression", ["1 / 0 == 1", "1 < 'a'", "[1][5] == 1", "!request.time.matches('[')"]
)
def test_an_evaluation_that_fails_does_not_hold(expression: str) -> None:
    """An error of evaluation counts as false."""
    assert not holds(expression, NAME)


def test_a_time_that_has_passed_is_seen() -> None:
    """In a comparison of its own or within a conjunction."""
    past = "request.time < timestamp('2020-01-01T00:00:00Z')"
    assert expired(parse(past))
    assert expired(parse(f"true && {past}"))
    assert not expired(parse("request.time < timestamp('2999-01-01T00:00:00Z')"))
    assert not expired(parse(f"true || {past}"))
