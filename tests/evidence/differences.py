"""Differences: which verdicts differ by more than luck."""

from collections.abc import Sequence
from functools import cache

from scipy.stats import false_discovery_control, fisher_exact

from tests.evidence.verdicts import Verdict

LEVEL = 0.01
"""Of all differences that are found, at most this share is expected to be luck."""
Counts = tuple[tuple[int, int], ...]
"""How often each outcome came in one verdict, and in the other."""


def differ(pairs: Sequence[tuple[Verdict, Verdict]]) -> list[bool]:
    """Tell of each pair whether its outcomes differ by more than luck.

    The more pairs are compared, the larger a difference must be (Benjamini and Yekutieli, as
    pairs have verdicts in common).
    """
    if not pairs:
        return []
    chances = [chance(counts(*pair)) for pair in pairs]
    return [bool(each <= LEVEL) for each in false_discovery_control(chances, method="by")]


def counts(one: Verdict, other: Verdict) -> Counts:
    """Count each outcome that either has."""
    names = sorted({*one.outcomes, *other.outcomes})
    return tuple((one.outcomes[name], other.outcomes[name]) for name in names)


@cache
def chance(table: Counts) -> float:
    """Return how probable a difference as large as this is between verdicts that are alike.

    Fisher's exact test compares each outcome with all others together. The smallest probability
    counts, as many times as there are outcomes.
    """
    totals = [sum(column) for column in zip(*table, strict=True)]
    smallest = min(
        fisher_exact([row, [total - n for total, n in zip(totals, row, strict=True)]]).pvalue
        for row in table
    )
    return min(1.0, float(smallest) * (len(table) if len(table) > 2 else 1))
