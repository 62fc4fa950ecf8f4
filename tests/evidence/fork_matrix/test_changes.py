"""Between which releases forks changed."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.evidence.fork_matrix.changes import (
    Neighbours,
    changes,
    in_order,
    neighbours,
    of_child,
    of_parent,
)
from tests.evidence.fork_matrix.situations import SITUATIONS, Situation
from tests.evidence.fork_matrix.trials import RECORD, ForkTrial
from tests.evidence.record.statistics import differ
from tests.support.forks import HANG


def with_grpcio(release: str, trial: ForkTrial = HANG) -> ForkTrial:
    """Return a trial with another release of grpcio."""
    return replace(trial, environment=replace(trial.environment, grpcio=release))


NEW = with_grpcio("1.100.0", replace(HANG, child_outcome="ok"))


def found(*trials: ForkTrial) -> list[tuple[str, str]]:
    """Return the releases between which something changed."""
    return [each.releases for each in changes(trials, "3.10", "unset")]


def test_trials_are_grouped_oldest_release_first() -> None:
    """Numbers of a version are compared as numbers."""
    old = with_grpcio("1.9.3")

    assert [
        (("1.9.3", "3.10.1"), [old]),
        (("1.85.1", "3.10.1"), [HANG, HANG]),
        (("1.100.0", "3.10.1"), [NEW]),
    ] == list(in_order([NEW, HANG, old, HANG]))


@pytest.mark.parametrize(("failures", "differing"), [(0, 1), (3, 1), (4, 0), (10, 0)])
def test_change_is_more_than_luck(failures: int, differing: int) -> None:
    """Ten failures of ten, then so many of ten: a change only where luck does not explain it."""
    after = [replace(NEW, child_outcome="hang")] * failures + [NEW] * (10 - failures)

    assert [("1.85.1", "1.100.0")] * differing == found(*[HANG] * 10, *after)


def test_other_way_to_fail_is_a_change() -> None:
    """A child that hung and now dies by a signal has changed, though it failed before and after."""
    crash = replace(NEW, child_outcome="crash SIGSEGV")

    assert [("1.85.1", "1.100.0")] == found(*[HANG] * 10, *[crash] * 10)


def test_parent_alone_may_change() -> None:
    """What the child did is the same before and after."""
    crash = replace(with_grpcio("1.100.0"), parent_outcome="crash SIGSEGV")

    assert [("1.85.1", "1.100.0")] == found(*[HANG] * 10, *[crash] * 10)


def test_child_that_came_to_be_is_a_change() -> None:
    """That there is no child is an outcome like others."""
    frozen = replace(HANG, child_outcome=None)

    assert [("1.85.1", "1.100.0")] == found(*[frozen] * 10, *[NEW] * 10)


def test_all_situations_are_one_family() -> None:
    """A difference that is just large enough alone is luck among many comparisons that agree."""
    after = [replace(NEW, child_outcome="hang")] * 3 + [NEW] * 7
    others = [
        replace(trial, situation=situation)
        for situation in SITUATIONS
        if situation != HANG.situation
        for trial in (HANG, with_grpcio("1.100.0"))
    ]

    assert [("1.85.1", "1.100.0")] == found(*[HANG] * 10, *after)
    assert [] == found(*[HANG] * 10, *after, *others * 10)


def test_change_is_of_neighbours() -> None:
    """A release in between takes the change upon itself."""
    between = with_grpcio("1.90.0", NEW)

    assert [("1.85.1", "1.90.0")] == found(*[NEW] * 10, *[HANG] * 10, *[between] * 10)


def test_other_pythons_and_settings_are_other_neighbours() -> None:
    """A release on another Python, or with another value of the variable, is not compared."""
    for name, value in (("python", "3.11.7"), ("python", "3.1.0"), ("fork_support", "0")):
        other = replace(NEW, environment=replace(NEW.environment, **{name: value}))
        assert [] == list(neighbours([HANG, other], "3.10", "unset"))
    assert [Neighbours(Situation("busy", "reuse"), [HANG], [NEW])] == list(
        neighbours([NEW, HANG], "3.10", "unset")
    )


def test_stored_changes_are_those_of_the_one_rule() -> None:
    """What the statistics say of all stored neighbours is what is said of them here."""
    every = list(neighbours(RECORD.of_today(), "3.10", "unset"))
    outcomes = [
        (Counter(map(who, each.before)), Counter(map(who, each.after)))
        for each in every
        for who in (of_child, of_parent)
    ]
    differing = differ(outcomes)
    wanted = [
        each
        for each, child, parent in zip(every, differing[::2], differing[1::2], strict=True)
        if child or parent
    ]

    assert 0 < len(wanted) < len(every)
    assert wanted == changes(RECORD.of_today(), "3.10", "unset")
