"""The gate holds a fork until nothing is in flight, and new calls until the fork is over."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.support.attack import Attack, said

KINDS = (
    "a future",
    "a stream",
    "a stream both ways",
    "a stream in one thread",
    "a call",
    "a token",
    "a background refresh",
)


@pytest.mark.parametrize("kind", KINDS)
def test_fork_waits(attack: Attack, echo_server: dict[str, str], kind: str) -> None:
    """What was in flight when the fork began is over in the child."""
    run = attack("in_flight", kind, **echo_server)

    assert [("before", "False"), ("child", "True")] == said(run)


def test_new_call_waits_until_the_fork_is_over(attack: Attack, local_iam: LocalIAM) -> None:
    """A call that begins while the gate is closed reaches no server before the gate is open."""
    local_iam.forget()
    run = attack("new_call_waits")

    expected = [("by the thread that forks", "256"), ("held", "True"), ("after", "True")]
    assert expected == said(run)
    assert 3 == local_iam.observe().calls["SignBlob"]


def test_long_stream_is_refused_at_the_limit(attack: Attack, echo_server: dict[str, str]) -> None:
    """The fork raises and names what was in flight; calls go on, and so does a later fork."""
    (name, refusal), *others = said(attack("long_stream", **echo_server))

    assert "refused" == name
    assert "a stream of MainThread" in refusal
    assert refusal.endswith("/safeguards/fork-gate.html")
    assert [("call", "b'0'"), ("forked", "ok")] == others


def test_fork_that_cannot_be_refused_is_logged(attack: Attack, echo_server: dict[str, str]) -> None:
    """Without `refuse`, or where os.fork was taken before, the limit ends in a log and a fork."""
    run = attack("not_refused", **echo_server)

    names = ("taken before", "not refused", "nothing in flight")
    assert [(name, "ok") for name in names] == said(run)
    assert 2 == run.stderr.count("the child of this fork may hang")


def test_async_client_is_refused_at_once(attack: Attack) -> None:
    """While an async client is open there is no fork, whatever the limit; later there is."""
    run = attack("async_client")

    assert [("refused", "True"), ("parent", "256"), ("child", "256")] * 5 == said(run)


def test_server_is_refused_at_once(attack: Attack) -> None:
    """A running server keeps a thread in gRPC."""
    run = attack("server")

    assert [("refused", "True"), ("stopped", "ok")] == said(run)


def test_subscription_does_not_hold_a_fork(attack: Attack, echo_server: dict[str, str]) -> None:
    """A fork steps between two looks at the state of a channel, which goes on, and works anew."""
    run = attack("subscription", **echo_server)

    children = [("child", "ok"), ("grandchild", "ok")] * 3
    assert [*children, ("errors", "[]"), ("parent", "True")] == said(run)


def test_storm_of_forks_starves_no_call(attack: Attack, echo_server: dict[str, str]) -> None:
    """Threads that fork on and on let each thread that calls have its turn, and get theirs."""
    run = attack("storm", **echo_server)

    assert [("each called", "True"), ("children", "{'ok'}"), ("errors", "[]")] == said(run)


def test_stream_whose_reader_calls_does_not_block_itself(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """A thread that reads a stream may call while a fork waits for the stream."""
    run = attack("reader_calls", **echo_server)

    assert [("calls before the stream ended", "True")] == said(run)


def test_interrupted_calls_and_forks_leave_the_gate_open(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """An exception that a signal raises, in a call or in a fork that waits, does not stick."""
    run = attack("interrupted", **echo_server)

    assert [
        ("call", "interrupted"),
        ("fork", "interrupted"),
        ("forked", "ok"),
        ("gate", "({}, 0, [])"),
    ] == said(run)
