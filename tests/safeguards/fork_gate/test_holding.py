"""The gate holds a fork until nothing is in flight, and new calls until the fork is over."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.support.attack import Attack, said

KINDS = ("a future", "a stream", "a stream both ways", "a stream in one thread", "a call")


@pytest.mark.parametrize("kind", KINDS)
def test_fork_waits(attack: Attack, echo_server: dict[str, str], kind: str) -> None:
    """What was in flight when the fork began is over in the child."""
    run = attack("in_flight", kind, **echo_server)

    assert [("before", "False"), ("child", "True")] == said(run)


def test_what_begins_waits_until_the_fork_is_over(attack: Attack, local_iam: LocalIAM) -> None:
    """A call, a new client and the end of one wait while the gate is closed."""
    local_iam.forget()
    run = attack("new_call_waits")

    names = ("call", "open", "close")
    expected = [(name, waits) for waits in ("True", "False") for name in names]
    assert [("by the thread that forks", "256"), *expected] == said(run)
    assert 3 == local_iam.observe().calls["SignBlob"]


def test_limit_ends_each_wait(attack: Attack, echo_server: dict[str, str]) -> None:
    """Beside a stream that does not end there is no fork, and a call goes on in the end."""
    (name, refusal), *others = said(attack("limit", **echo_server))

    assert "refused" == name
    assert refusal.startswith("no fork, calls in flight: 1; see https://")
    assert [("called at the limit", "b'0'"), ("nothing in flight", "ok")] == others


def test_fork_at_once_after_the_end_of_a_client(attack: Attack) -> None:
    """It does not freeze for a minute, for gRPC has let go of the credentials when it forks."""
    assert [("took", "True")] * 10 == said(attack("closed"))


def test_interrupted_calls_and_forks_leave_the_gate_open(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """An exception that a signal raises, in a call or in a fork that waits, does not stick."""
    run = attack("interrupted", **echo_server)

    assert [
        ("call", "interrupted"),
        ("fork", "interrupted"),
        ("forked", "ok"),
        ("gate", "(0, 0)"),
    ] == said(run)
