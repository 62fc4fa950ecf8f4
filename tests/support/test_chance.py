"""The false alarm that a test of a race may have."""

import pytest

from tests.support.chance import FALSE_ALARM, most_by_chance


@pytest.mark.parametrize(("seen", "of", "trials"), [(0, 1000, 20), (1, 3580, 20), (30, 600, 5)])
def test_more_is_rarer_than_a_false_alarm_may_be(seen: int, of: int, trials: int) -> None:
    """At the frequency that was seen, more failures hardly come; with one fewer allowed, they do.

    At the upper end of what the frequency may be, the chance of seeing as few before, and of
    seeing more now, are together no larger than what is allowed.
    """
    from scipy.stats import binom

    most = most_by_chance(seen, of, trials)
    upper = _upper_end(seen, of)

    assert binom.sf(most, trials, upper) <= FALSE_ALARM / 2 < binom.sf(most - 1, trials, upper)
    assert binom.cdf(seen, of, upper) == pytest.approx(FALSE_ALARM / 2)


def _upper_end(seen: int, of: int) -> float:
    """Find the frequency at which so few are as rare as half of the false alarm, by halving."""
    from scipy.stats import binom

    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if binom.cdf(seen, of, middle) > FALSE_ALARM / 2:
            low = middle
        else:
            high = middle
    return low


def test_what_never_fails_may_still_fail_by_chance() -> None:
    """Few trials without a failure promise little, many promise much."""
    assert 19 <= most_by_chance(0, 10, 20)
    assert 1 == most_by_chance(0, 1_000_000, 20)


def test_what_always_fails_is_no_alarm() -> None:
    """Where all trials failed before, all may fail."""
    assert 20 == most_by_chance(100, 100, 20)
