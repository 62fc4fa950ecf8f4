"""Releases that follow each other and do the same, which share a row where a reader looks them up.

Where a row ends is not decided here: it is where the timeline shows a change, or where a file is
of another kind than before. So the two pages cannot contradict each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.book import Rule
from tests.evidence.record.cells import Strip, changes, kind
from tests.evidence.record.verdicts import Verdict

Breaks = frozenset[tuple[str, str, str]]
"""Each file with two releases that follow each other, between which it changed."""


@dataclass(frozen=True)
class Run:
    """Releases that follow each other, with the trials of a recipe and its twin in all of them.

    A verdict is None where it is not measured, or where there is no twin.
    """

    releases: tuple[str, ...]
    recipe: Verdict | None
    twin: Verdict | None

    @property
    def is_measured(self) -> bool:
        """Tell whether there is something to show."""
        return self.recipe is not None or self.twin is not None

    def is_continued_by(self, other: "Run", breaks: Breaks) -> bool:
        """Tell whether both files do there what they do here.

        One that failed once is of another kind than one that held.
        """
        step = (self.releases[-1], other.releases[0])
        both = ((self.recipe, other.recipe), (self.twin, other.twin))
        return all(
            kind(before) == kind(after) and (before is None or (before.file, *step) not in breaks)
            for before, after in both
        )

    def joined(self, other: "Run") -> "Run":
        """Count the trials of both together."""
        return Run(
            self.releases + other.releases,
            together(self.recipe, other.recipe),
            together(self.twin, other.twin),
        )


def together(one: Verdict | None, other: Verdict | None) -> Verdict | None:
    """Count the trials of two verdicts, if there are both."""
    return None if one is None or other is None else one.joined(other)


def measured(verdict: Verdict | None) -> Verdict | None:
    """Return a verdict that shows something, otherwise None."""
    return None if kind(verdict) == "not measured" else verdict


def releases_of(rule: Rule, strips: Mapping[str, Strip]) -> list[Run]:
    """Return what a rule did in each release of an axis, in their order."""
    twins = dict(strips[rule.twin]) if rule.twin else {}
    return [
        Run((release,), measured(recipe), measured(twins.get(release)))
        for release, recipe in strips[rule.recipe]
    ]


def breaks(strips: Mapping[str, Strip], name: str) -> Breaks:
    """Return where along an axis a file changed, of all files, as the timeline finds it."""
    changed, _ = changes(strips, name)
    return frozenset((pair.file, pair.step.old, pair.step.new) for pair in changed)


def runs(releases: Iterable[Run], breaks: Breaks) -> list[Run]:
    """Join releases that follow each other and are alike; leave out what is not measured."""
    found: list[Run] = []
    before: Run | None = None
    for release in releases:
        if before is not None and release.is_measured and before.is_continued_by(release, breaks):
            found[-1] = before.joined(release)
        elif release.is_measured:
            found.append(release)
        before = found[-1] if release.is_measured else None
    return found
