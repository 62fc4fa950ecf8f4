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
    assert expected == said(run)
    assert 2 == local_iam.observe().calls["SignBlob"]


def test_limit_ends_each_wait(attack: Attack, echo_server: dict[str, str]) -> None:
    """Beside a stream that does not end a fork is logged and made, and a call goes on, too."""
    run = attack("limit", **echo_server)

    assert [
        ("forked at the limit", "ok"),
        ("called at the limit", "b'0'"),
        ("nothing in flight", "ok"),
    ] == [line for line in said(run) if line[0] != "after"]
    assert run.stderr.count("the child may hang; see https://") >= 2


def test_fork_at_once_after_the_end_of_a_client(attack: Attack) -> None:
    """It does not freeze for a minute, for gRPC has let go of the credentials when it forks."""
    assert [("took", "True")] * 10 == said(attack("closed"))


def test_interrupted_calls_and_forks_leave_the_gate_open(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """An exception that a signal raises does not stick; in a fork that waits, it ends the wait."""
    run = attack("interrupted", **echo_server)

    assert [
        ("call", "interrupted"),
        ("child of it", "ok"),
        ("fork", "not interrupted"),
        ("forked", "ok"),
        ("gate", "(0, False)"),
    ] == said(run)
