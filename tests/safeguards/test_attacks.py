"""What the attacking programs share says of each child what became of it."""

from tests.support.attack import Attack, said


def test_every_end_of_a_child_is_told(attack: Attack) -> None:
    """One that hangs shows where it stands, is killed, and does not hold up the program."""
    run = attack("children")

    assert [
        ("answers", "ok"),
        ("raises", "ValueError('wrong')"),
        ("dies", "ended with status 9"),
        ("hangs", "hung"),
        ("left", "nothing"),
    ] == said(run)
    assert "in hang" in run.stderr
