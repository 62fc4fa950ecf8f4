"""Children behind the gate answer, whatever the threads of the parent do."""

from functools import cache

import pytest

from tests.runner import Run
from tests.safeguards.attacks import HUNG
from tests.support.attack import DEADLINE, Attack, said
from tests.support.chance import most_by_chance

SEEN = (4, 6240)
"""Children that hung, of how many: behind the gate one that makes a channel may find a lock of
gRPC that a thread of the parent held as it opened or closed another. Counted with the program
`shared_credentials`: 1 of 3,580 on a quiet machine, 3 of 2,660 at loads from two to twelve a
processor.
"""
FORKS = 20
PATIENCE = 20.0
"""Seconds in which such a child answers; it takes 0.1 s on a quiet machine, 1 s on a busy one."""


@pytest.mark.parametrize("support", ["unset", "1"])
def test_children_answer_while_threads_call(attack: Attack, support: str) -> None:
    """Each child answers, on the parent's client and on its own, and no call fails."""
    variables = {} if support == "unset" else {"GRPC_ENABLE_FORK_SUPPORT": support}
    run = attack("busy_client", **variables)

    assert [*[("reused", "256"), ("fresh", "256")] * 15, ("errors", "[]")] == said(run)


def test_children_answer_while_calls_of_every_kind_are_made(
    attack: Attack, echo_server: dict[str, str]
) -> None:
    """Also calls that are cancelled, dropped, out of time, or wrong let a fork through."""
    run = attack("every_kind", **echo_server)
    expected = [("reused", "ok"), ("fresh", "ok")] * 10

    assert [*expected, ("errors", "[]"), ("left", "ok")] == said(run)


@cache
def hangs() -> int:
    """Return how many children may hang by chance."""
    return most_by_chance(*SEEN, FORKS)


def demand_answers(run: Run, answer: tuple[str, str]) -> None:
    """Fail where more children hung than chance explains, or one answered something else."""
    children = [line for line in said(run) if line[0] == answer[0]]
    hung = children.count((answer[0], HUNG))

    assert FORKS == children.count(answer) + hung, run.stdout
    assert hung <= hangs(), run.stderr


@pytest.fixture
def patient_attack(attack: Attack) -> Attack:
    """Run a program that is told how often to fork, and how long to wait for a child."""
    deadline = DEADLINE + hangs() * PATIENCE

    def run(name: str, **variables: str) -> Run:
        return attack(name, str(FORKS), str(PATIENCE), deadline=deadline, **variables)

    return run


def test_children_answer_while_threads_make_and_close_clients(patient_attack: Attack) -> None:
    """A client that another thread constructs, uses for the first time, or closes stops no fork."""
    run = patient_attack("clients_come_and_go")

    demand_answers(run, ("fresh", "256"))
    assert {"took": "True", "errors": "[]"}.items() <= dict(said(run)).items()


def test_child_starts_with_an_open_gate(attack: Attack) -> None:
    """Threads of a child call and fork at once, whatever was held in the parent."""
    run = attack("open_in_child")

    assert [("child", "(['256', '256', '256'], [], 0)")] == said(run)
