"""Each process uses its own clients, however it came to be, and ends at once."""

import pytest

from tests.book import START_METHODS
from tests.safeguards.fork_guard.refusals import REFUSED
from tests.support.attack import Attack, said


def test_close_drop_and_exit_end_at_once(attack: Attack) -> None:
    """A child may close, leave or drop a busy client, and end: it does not hang."""
    often = [("close", "None"), ("leave", "left"), ("drop", "dropped"), ("exit", "0")] * 20

    assert [*often, ("creator", "256")] == said(attack("ends"))


def test_each_process_uses_its_own_client(attack: Attack) -> None:
    """Children, grandchildren and their threads call with clients of their own, and no others."""
    expected = "refused refused 256 256 refused 256"

    assert [("main thread", expected), ("thread", expected), ("creator", "256")] == said(
        attack("own_clients")
    )


@pytest.mark.parametrize("start_method", START_METHODS)
def test_start_methods(attack: Attack, start_method: str) -> None:
    """A worker's own client works with each start method; only fork has one to refuse."""
    run = attack("start_methods", start_method=start_method)
    inherited = REFUSED if start_method == "fork" else "nothing"

    assert [
        *[("worker", f"{inherited} 256")] * 2,
        ("subprocess", "1"),
        ("creator", "256"),
    ] == said(run)


def test_fork_in_c_is_noticed(attack: Attack) -> None:
    """A fork that runs none of Python's handlers is noticed, by several threads at once, too."""
    assert [
        ("child", "refused 256 refused refused"),
        *[("threads", "{256}")] * 5,
        ("creator", "256"),
    ] == said(attack("fork_in_c"))


def test_process_with_the_creators_pid_is_refused(attack: Attack) -> None:
    """A later process that got the pid of the creator is still not the creator."""
    found = dict(said(attack("same_pid")))["same pid"]
    if found.startswith("not allowed"):
        pytest.skip(f"this system does not let a process choose pids: {found}")

    assert "True refused" == found


def test_system_that_wipes_no_page(attack: Attack) -> None:
    """Where the kernel wipes no page, the forks that Python makes are noticed all the same."""
    expected = [("child", "refused 256 refused refused"), ("creator", "256")]

    assert expected == said(attack("no_page_wiped"))


def test_handlers_after_the_fork_may_create_clients(attack: Attack) -> None:
    """A client that another handler created in the child belongs to the child, in either order."""
    assert [("child", "refused 256 256 refused 256 256")] == said(attack("handlers"))


def test_fork_while_clients_are_constructed(attack: Attack) -> None:
    """Forks at any moment of a construction find the client foreign, and construct their own."""
    assert [("child", "refused refused 256")] * 20 == said(attack("under_construction"))
