"""How sure a frequency is, and which cells differ by more than luck."""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from math import comb

import pytest

from tests.evidence.record.plan import FEW, TRIALS
from tests.evidence.record.statistics import (
    CONFIDENCE,
    LOOKS,
    chance,
    counts,
    differ,
    interval,
)

GRID = [step / 1000 for step in range(1001)]
"""Probabilities of failure."""


def probability(failures: int, trials: int, of_one: float) -> float:
    """Return how probable so many failures are."""
    rest = trials - failures
    return comb(trials, failures) * of_one**failures * (1 - of_one) ** rest


def at_least(failures: int, trials: int, of_one: float) -> float:
    """Return how probable so many failures or more are."""
    return sum(probability(each, trials, of_one) for each in range(failures, trials + 1))


@pytest.mark.parametrize(("failures", "trials"), [(5, 20), (1, 3), (20, 20), (0, 20)])
def test_interval_ends_where_what_was_seen_is_improbable(failures: int, trials: int) -> None:
    """Each end leaves half of the error of one look."""
    low, high = interval(failures, trials)
    error = (1 - CONFIDENCE) / LOOKS / 2

    assert failures == 0 or at_least(failures, trials, low) == pytest.approx(error)
    assert failures == trials or 1 - at_least(failures + 1, trials, high) == pytest.approx(error)
    assert (failures == 0) == (low == 0)
    assert (failures == trials) == (high == 1)


def coverage(of_one: float, more_after: Iterable[int]) -> float:
    """Return how probable the interval that a reader sees holds the true probability.

    He sees that of a few trials, or that of all where so many failures of the few ask for more.
    """
    seen = 0.0
    for few, rest in product(range(FEW + 1), range(TRIALS - FEW + 1)):
        looked = (few + rest, TRIALS) if few in more_after else (few, FEW)
        low, high = interval(*looked)
        if low <= of_one <= high:
            chances = probability(few, FEW, of_one), probability(rest, TRIALS - FEW, of_one)
            seen += chances[0] * chances[1]
    return seen


@pytest.mark.parametrize(
    "more_after",
    [range(1, FEW), range(FEW + 1), (), (0,), (FEW,), (0, FEW)],
    ids=["own trials differ", "always", "never", "no failure", "all failed", "they agree"],
)
def test_confidence_holds_for_both_looks(more_after: Iterable[int]) -> None:
    """It does for every probability of failure, whatever the plan makes of the few trials.

    By enumeration of all that can be seen; the least is 97.7 percent. With Wilson's intervals it
    was 85.7 percent, for a probability of failure of 95 percent.
    """
    least = min(coverage(of_one, more_after) for of_one in GRID)

    assert CONFIDENCE <= least
    assert least < 1


def test_outcomes_that_are_always_others_differ() -> None:
    """A hang each time is no success each time, nor another failure; equal counts are alike."""
    hangs, fails, well = ({name: 20} for name in ("hang", "lost", "ok"))

    assert [True, True, False] == differ([(hangs, well), (hangs, fails), (well, well)])
    assert [] == differ([])


def test_difference_of_a_race_must_be_large() -> None:
    """A few failures more or less are luck."""
    one, other = {"ok": 12, "hang": 8}, {"ok": 9, "hang": 11}

    assert [False, True] == differ([(one, other), (one, {"hang": 20})])


def test_few_trials_of_each_are_too_few_for_a_difference() -> None:
    """That is why the plan wants all of them on both sides of a change."""
    well, hangs = "ok", "hang"

    assert [False] == differ([({well: FEW}, {hangs: FEW})])
    assert [True] == differ([({well: TRIALS}, {hangs: TRIALS})])


def test_many_pairs_need_a_larger_difference() -> None:
    """What is remarkable alone is not so among hundreds that are alike."""
    remarkable = {"ok": 20}, {"ok": 10, "hang": 10}
    alike = {"ok": 20}, {"ok": 20}

    assert [True] == differ([remarkable])
    assert [False] * 300 == differ([remarkable, *[alike] * 299])


def test_chance_counts_each_outcome() -> None:
    """Three outcomes are three chances to differ, two are one."""
    two = chance(counts({"ok": 20}, {"hang": 20}))
    three = chance(counts({"ok": 20}, {"hang": 15, "lost": 5}))

    assert round(3 * two, 18) == round(three, 18)
    assert 1 == chance(counts({"ok": 20}, {"ok": 20}))


def test_counts_name_each_outcome_of_either() -> None:
    """An outcome that one never had is there with nothing."""
    assert ((0, 3), (2, 0)) == counts({"ok": 2}, Counter(hang=3))
