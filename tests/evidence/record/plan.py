"""The plan: which cells the book measures, and how many trials each of them is to have.

All of one axis is tried against the defaults of the others. A few trials of each cell show where
the outcomes along an axis agree; there the strip is counted as a whole. Twenty trials are made
where a reader decides by them: of the oldest, the newest and the pinned releases, where a cell
holds in some trials and fails in others, and on both sides of each change. A program that always
fails, but not always in the same way, would else have them in every cell and say nothing new.

The releases are those of releases.json: every minor release of grpcio that has wheels for
Python 3.10, the releases of google-cloud-iam that its page of versions lists, and each later one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

from tests.book import BOOK, Book
from tests.evidence.record.environment import FORK_SUPPORT, Wanted, pinned

_STATED = json.loads(Path(__file__).with_name("releases.json").read_text("utf-8"))
RELEASES: dict[str, list[str]] = {name: _STATED[name] for name in ("grpcio", "google-cloud-iam")}
PYTHON = "3.10"
"""The only Python for which every release that is tried has wheels."""
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
TRIALS = 20
"""Of a cell that a reader decides by."""
FEW = 3
"""Of a cell whose neighbours agree with it."""
HELD = "ok"
"""The outcome of a trial that did what its page says."""
ALL = "all"
"""What a command names to have every axis."""


class Variant(NamedTuple):
    """A file with the settings that it is tried with; in an environment it makes a cell."""

    file: str
    start_method: str
    fork_support: str = "unset"


AXES: dict[str, list[Wanted]] = {
    "grpcio": [Wanted(PYTHON, grpcio=each) for each in reversed(RELEASES["grpcio"])],
    "iam": [
        Wanted(PYTHON, google_cloud_iam=each) for each in reversed(RELEASES["google-cloud-iam"])
    ],
    "python": [Wanted(each) for each in PYTHONS],
    "fork-support": [Wanted(PYTHON)],
}
"""What differs, with the environments to try, the newest first."""


def always() -> set[str]:
    """Return the releases of which a cell always has all its trials."""
    packages = ("grpcio", "google-cloud-iam")
    ends = {RELEASES[package][place] for package in packages for place in (0, -1)}
    return {*ends, *map(pinned, packages)}


def trials_wanted(
    strip: Sequence[tuple[str, Mapping[str, int]]], always: Iterable[str]
) -> list[int]:
    """Return how many trials each cell of a strip is to have, after what was seen so far.

    A strip has the release and the counted outcomes of each cell, in their order. The two ends
    of a strip have all their trials, and so have the releases that are `always` to have them.
    """
    wanted = [FEW] * len(strip)
    kept = {*always}
    seen = [{*+Counter(outcomes)} for _, outcomes in strip]
    for place, (release, _) in enumerate(strip):
        at_an_end = place in (0, len(strip) - 1)
        if at_an_end or release in kept or _races(seen[place]):
            wanted[place] = TRIALS
    for place, (before, after) in enumerate(pairwise(seen)):
        if _changes(before, after):
            wanted[place] = wanted[place + 1] = TRIALS
    return wanted


def _races(seen: set[str]) -> bool:
    """Tell a cell that held in one trial and failed in another."""
    return HELD in seen and len(seen) > 1


def _changes(before: set[str], after: set[str]) -> bool:
    """Tell neighbours of which one held alone, or that have no outcome in common."""
    if not (before and after):  # one has no trial yet
        return False
    return before.isdisjoint(after) or (before != after and {HELD} in (before, after))


@dataclass(frozen=True)
class Choice:
    """What a command asks for; an empty tuple leaves all, or the default where there is one."""

    axis: str | None = None
    python: tuple[str, ...] = ()
    grpcio: tuple[str, ...] = ()
    iam: tuple[str, ...] = ()
    start_method: tuple[str, ...] = ()
    fork_support: tuple[str, ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Tell whether environments are to be built."""
        return any((self.axis, self.python, self.grpcio, self.iam))

    @property
    def axes(self) -> list["Choice"]:
        """Return the choice for each axis that it names, or itself."""
        if self.axis != ALL:
            return [self]
        others = (self.python, self.grpcio, self.iam, self.start_method, self.fork_support)
        return [Choice(name, *others) for name in AXES]

    @property
    def environments(self) -> list[Wanted | None]:
        """List the environments to try; None stands for the one that this runs in."""
        if not self.elsewhere:
            return [None]
        if self.axis is None:
            every = product(self.python or (PYTHON,), self.grpcio or (None,), self.iam or (None,))
            return [Wanted(*releases) for releases in every]
        chosen = (self.python, self.grpcio, self.iam)
        return [
            wanted
            for wanted in AXES[self.axis]
            if all(
                not choice or release in choice
                for choice, release in zip(chosen, wanted, strict=True)
            )
        ]

    def variants(self, files: Iterable[str], book: Book = BOOK) -> list[Variant]:
        """List the variants of files to try in each environment.

        On an axis, of several start methods that make a difference, the first alone is tried.
        """
        all_support = FORK_SUPPORT if self.axis == "fork-support" else ("unset",)
        return [
            Variant(file, method, support)
            for file in files
            for method in book.start_methods(file)[: 1 if self.axis else None]
            if method in (self.start_method or book.start_methods(file))
            for support in self.fork_support or all_support
        ]
