"""Which verdicts differ by more than luck."""

from dataclasses import replace

from tests.evidence.differences import chance, counts, differ
from tests.evidence.test_trials import TRIAL
from tests.evidence.verdicts import Verdict


def verdict(**outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome."""
    trials = [replace(TRIAL, outcome=it) for it, count in outcomes.items() for _ in range(count)]
    return Verdict(TRIAL.file, tuple(trials))


def test_outcomes_that_are_always_others_differ() -> None:
    """A hang each time is no success each time, nor another failure; equal counts are alike."""
    hangs, fails, well = verdict(hang=20), verdict(lost=20), verdict(ok=20)

    assert [True, True, False] == differ([(hangs, well), (hangs, fails), (well, well)])
    assert [] == differ([])


def test_difference_of_a_race_must_be_large() -> None:
    """A few failures more or less are luck."""
    one, other = verdict(ok=12, hang=8), verdict(ok=9, hang=11)

    assert [False, True] == differ([(one, other), (one, verdict(hang=20))])


def test_many_pairs_need_a_larger_difference() -> None:
    """What is remarkable alone is not so among hundreds that are alike."""
    remarkable = verdict(ok=20), verdict(ok=10, hang=10)
    alike = verdict(ok=20), verdict(ok=20)

    assert [True] == differ([remarkable])
    assert [False] * 300 == differ([remarkable, *[alike] * 299])


def test_chance_counts_each_outcome() -> None:
    """Three outcomes are three chances to differ, two are one."""
    two = chance(counts(verdict(ok=20), verdict(hang=20)))
    three = chance(counts(verdict(ok=20), verdict(hang=15, lost=5)))

    assert round(3 * two, 18) == round(three, 18)
    assert 1 == chance(counts(verdict(ok=20), verdict(ok=20)))
