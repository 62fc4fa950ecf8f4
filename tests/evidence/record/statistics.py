"""The one rule for each question: how often does it fail, and do two cells differ.

Every table asks here, so that none can contradict another. A cell may be looked at twice, after a
few trials and, where the plan wants more, after all of them: each look has half of the error that
an interval may have (Bonferroni), so that the stated confidence holds for both together. The
intervals are exact: those of Wilson are shorter, but for some frequencies they miss too often.

scipy is imported where it is used: that takes a second, in each of many processes of which few
compare anything.
"""

from collections.abc import Mapping, Sequence
from functools import cache

CONFIDENCE = 0.95
"""Of the interval of a frequency, however often it was looked at."""
LOOKS = 2
"""How often a cell is looked at before it is decided whether more trials are made."""
LEVEL = 0.01
"""Of all differences that are found, at most this share is expected to be luck."""
Outcomes = Mapping[str, int]
"""How often each outcome came."""
Counts = tuple[tuple[int, int], ...]
"""How often each outcome came in one cell, and in the other."""


@cache
def interval(failures: int, trials: int) -> tuple[float, float]:
    """Return the interval of a frequency by Clopper and Pearson, from 0 to 1."""
    from scipy.stats import binomtest

    confidence = 1 - (1 - CONFIDENCE) / LOOKS
    found = binomtest(failures, trials).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def differ(pairs: Sequence[tuple[Outcomes, Outcomes]]) -> list[bool]:
    """Tell of each pair whether its outcomes differ by more than luck.

    The more pairs are compared, the larger a difference must be (Benjamini and Yekutieli, as
    pairs have cells in common).
    """
    if not pairs:
        return []
    from scipy.stats import false_discovery_control

    chances = [chance(counts(*pair)) for pair in pairs]
    return [bool(each <= LEVEL) for each in false_discovery_control(chances, method="by")]


def counts(one: Outcomes, other: Outcomes) -> Counts:
    """Count each outcome that either has."""
    names = sorted({*one, *other})
    return tuple((one.get(name, 0), other.get(name, 0)) for name in names)


@cache
def chance(table: Counts) -> float:
    """Return how probable a difference as large as this is between cells that are alike.

    Fisher's exact test compares each outcome with all others together. The smallest probability
    counts, as many times as there are outcomes.
    """
    from scipy.stats import fisher_exact

    totals = [sum(column) for column in zip(*table, strict=True)]
    smallest = min(
        fisher_exact([row, [total - n for total, n in zip(totals, row, strict=True)]]).pvalue
        for row in table
    )
    return min(1.0, float(smallest) * (len(table) if len(table) > 2 else 1))
