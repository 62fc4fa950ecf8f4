"""How often luck alone makes fail what a test tries, where what it tests is a race.

A frequency that was counted is known no better than its interval, and a test sees few trials. Both
errors together are what makes a test red by chance; each has half of what is allowed.
"""

FALSE_ALARM = 1e-6
"""A test that depends on a race is red by chance no more often than this."""


def most_by_chance(seen: int, of: int, trials: int, false_alarm: float = FALSE_ALARM) -> int:
    """Return how many of so many trials may fail, where `seen` failed `of` trials before.

    More than that is rarer than `false_alarm`, if the frequency is what it was. The frequency is
    taken to be the upper end of its exact one-sided interval (Clopper and Pearson).
    """
    from scipy.stats import binom, binomtest  # takes a second: not where tests are collected

    confidence = 1 - false_alarm / 2
    frequency = binomtest(seen, of, alternative="less").proportion_ci(confidence).high
    return int(binom.isf(false_alarm / 2, trials, frequency))
