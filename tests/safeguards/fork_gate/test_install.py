"""The gate is installed in time, forks come from anywhere, and the guard may be there too."""

import pytest

from tests.support.attack import Attack, said


def test_install(attack: Attack) -> None:
    """It may be repeated; it raises where it comes too late, and where it could not help."""
    run = attack("install")

    assert [
        ("turned off", "GRPC_ENABLE_FORK_SUPPORT turns off what the gate needs"),
        ("late", "there is a client already"),
        ("in time", "installed"),
        ("again", "installed"),
        ("with a client", "installed"),
        *[("forked", "256"), ("parent", "256")] * 5,
    ] == said(run)


def test_forks_from_anywhere(attack: Attack, echo_server: dict[str, str]) -> None:
    """A fork from a callback, a hook, a child, a signal handler or `multiprocessing` works."""
    run = attack("forks_from_anywhere", **echo_server)

    assert [
        ("callback", "[\"b'0'\"]"),
        ("signal handler", "[\"b'0'\"]"),
        ("multiprocessing", "[0.0, 1.0]"),
        ("child", "ok"),
        ("hook", "ok"),
        ("nested", "[1, 'ok']"),
        ("errors", "[]"),
        ("iterator", "Exception iterating requests!"),
        ("afterwards", "ok"),
    ] == said(run)


@pytest.mark.parametrize("order", ["gate guard", "guard gate"])
def test_gate_and_guard_go_together(attack: Attack, order: str) -> None:
    """With both, a child's own client answers, and the parent's raises, while threads call."""
    run = attack("gate_and_guard", *order.split())

    assert [*[("fresh", "256"), ("reused", "guarded")] * 5, ("errors", "[]")] == said(run)
