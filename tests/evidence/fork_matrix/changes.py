"""Which forks are counted together, and between which releases they changed.

A fork has two outcomes, the child's and the parent's, and it has changed if either has. Whether two
counts differ is decided as for programs, by the one rule that all tables share.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from packaging.version import Version

from tests.evidence.fork_matrix.situations import SITUATIONS, Situation
from tests.evidence.fork_matrix.trials import ForkTrial
from tests.evidence.record.environment import minor
from tests.evidence.record.statistics import differ

NO_CHILD = "no child"


def of_child(trial: ForkTrial) -> str:
    return trial.child_outcome or NO_CHILD


def of_parent(trial: ForkTrial) -> str:
    return trial.parent_outcome


def in_order(trials: Iterable[ForkTrial]) -> Iterator[tuple[tuple[str, str], list[ForkTrial]]]:
    """Group trials by their releases of grpcio and Python, oldest first."""

    def key(trial: ForkTrial) -> tuple[Version, Version]:
        return Version(trial.environment.grpcio), Version(trial.environment.python)

    for _, group in groupby(sorted(trials, key=key), key=key):
        grouped = list(group)
        its = grouped[0].environment
        yield (its.grpcio, its.python), grouped


def of_python(trials: Iterable[ForkTrial], python: str) -> list[ForkTrial]:
    """Choose those of a minor version, such as 3.10."""
    return [trial for trial in trials if minor(trial.environment.python) == python]


def of_situation(
    trials: Iterable[ForkTrial], situation: Situation, fork_support: str
) -> list[ForkTrial]:
    wanted = (situation, fork_support)
    return [
        trial for trial in trials if wanted == (trial.situation, trial.environment.fork_support)
    ]


@dataclass(frozen=True)
class Neighbours:
    """The trials of one situation with a release, and with the next one that was tried."""

    situation: Situation
    before: list[ForkTrial]
    after: list[ForkTrial]

    @property
    def releases(self) -> tuple[str, str]:
        """Return both releases of grpcio."""
        return self.before[0].environment.grpcio, self.after[0].environment.grpcio

    def outcomes(self, who: Callable[[ForkTrial], str]) -> tuple[Counter[str], Counter[str]]:
        """Count how the child or the parent ended, before and after."""
        return Counter(map(who, self.before)), Counter(map(who, self.after))


def neighbours(trials: Sequence[ForkTrial], python: str, fork_support: str) -> Iterator[Neighbours]:
    """Yield every two neighbouring releases, one situation after the other."""
    those = of_python(trials, python)
    for situation in SITUATIONS:
        measured = in_order(of_situation(those, situation, fork_support))
        for (_, before), (_, after) in pairwise(measured):
            yield Neighbours(situation, before, after)


def changes(trials: Sequence[ForkTrial], python: str, fork_support: str) -> list[Neighbours]:
    """Return the neighbours in which the child's or the parent's outcomes differ.

    All situations are one family of comparisons, whichever of them is asked for: otherwise a
    sentence about one could name a change that the table of all does not show.
    """
    every = list(neighbours(trials, python, fork_support))
    children = [each.outcomes(of_child) for each in every]
    parents = [each.outcomes(of_parent) for each in every]
    changed = differ([*children, *parents])
    of_either = zip(every, changed[: len(every)], changed[len(every) :], strict=True)
    return [each for each, *differs in of_either if any(differs)]
