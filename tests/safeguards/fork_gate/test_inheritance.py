"""What a child has of its parent: an open gate, channels to settle, no connection."""

import pytest

from tests.support.attack import Attack, said


def test_child_knows_each_channel_that_only_its_stubs_refer_to(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """The first call on it waits until gRPC has noticed that the connection is the parent's.

    A call on a channel of the child's own does not, nor a later one, nor for the sake of another.
    """
    assert [("settled", "(1, 1)")] == said(attack("settled", **echo_server))


@pytest.mark.parametrize("end", ["close", "drop", "credentials"])
def test_fork_at_once_after_the_end_of_a_channel(
    attack: Attack, echo_server: dict[str, str], end: str
) -> None:
    """It does not freeze for a minute, for gRPC has let go of the credentials when it forks."""
    run = attack("end_of_a_channel", end, **echo_server)

    assert [*[("took", "True")] * 10, ("forked", "ok"), ("watched", "1")] == said(run)


def test_fork_at_once_after_the_end_of_all_channels(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """It waits for the thread in which gRPC ends what it has, once nobody uses it any more."""
    run = attack("end_of_all_channels", **echo_server)

    assert [("child", "ok"), ("ending", "[]")] == said(run)


def test_child_starts_with_an_open_gate(attack: Attack) -> None:
    """Threads of a child call and fork at once, whatever was held in the parent."""
    run = attack("open_in_child")

    assert [("child", "(['256', '256', '256'], [], 0, 0)")] == said(run)


def test_connection_of_the_parent_is_hidden_from_the_child(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """A child has another file in the place of the connection, and the parent goes on with it."""
    run = attack("hidden_connection", **echo_server)

    assert [
        ("parent has it", "True"),
        ("child has it", "False"),
        ("hidden", "[(False, True)]"),
        ("the same", "True"),
        ("nothing more", "[]"),
        ("parent", "ok"),
    ] == said(run)
