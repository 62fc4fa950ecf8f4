"""The guard goes together with the other safeguards."""

import pytest

from tests.book import ROOT
from tests.support.attack import Attack, said

SUITE = ROOT / "tests" / "safeguards" / "fork_guard" / "programs" / "suite_of_a_pool.py"


@pytest.mark.parametrize("first", ["guard", "gate"])
def test_guard_and_gate_together(attack: Attack, first: str) -> None:
    """With the fork gate, in either order, forks wait for calls and children are still refused."""
    second = "gate" if first == "guard" else "guard"
    run = attack("guard_and_gate", first, second)

    assert [*[("child", "refused 256")] * 10, ("creator", "256")] == said(run)
    assert "skipping fork() handlers" not in run.stderr


def test_guard_and_pytest_plugin_together(attack: Attack) -> None:
    """With the pytest plugin the child of a test is still refused the client of the test."""
    run = attack("guard_and_plugin", "-c", "/dev/null", "--noconftest", str(SUITE))

    assert ("pytest", "OK") in said(run), run.stdout
