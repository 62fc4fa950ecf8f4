"""The plan: which cells the book measures, all of one axis against the defaults of the others.

The releases are those of releases.json: every minor release of grpcio that has wheels for
Python 3.10, the releases of google-cloud-iam that its page of versions lists, and each later one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tests.evidence.environments import Wanted
from tests.evidence.jobs import start_methods
from tests.evidence.trials import FORK_SUPPORT

RELEASES: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("releases.json").read_text("utf-8")
)
PYTHON = "3.10"
"""The only Python for which every release that is tried has wheels."""
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
TRIALS = 20
"""Of each cell."""


class Cell(NamedTuple):
    """What a trial is to try: a file in one variant of an environment."""

    file: str
    start_method: str
    fork_support: str = "unset"


AXES = {
    "grpcio": [Wanted(PYTHON, grpcio=it) for it in reversed(RELEASES["grpcio"])],
    "iam": [Wanted(PYTHON, google_cloud_iam=it) for it in reversed(RELEASES["google-cloud-iam"])],
    "python": [Wanted(it) for it in PYTHONS],
    "fork-support": [Wanted(PYTHON)],
}
"""What differs, with the environments to try."""


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

    def cells(self, files: Iterable[str]) -> list[Cell]:
        """List the variants of files to try in each environment.

        On an axis, of several start methods that make a difference, the first alone is tried.
        """
        all_support = FORK_SUPPORT if self.axis == "fork-support" else ("unset",)
        return [
            Cell(file, method, support)
            for file in files
            for method in start_methods(file)[: 1 if self.axis else None]
            if method in (self.start_method or start_methods(file))
            for support in self.fork_support or all_support
        ]
