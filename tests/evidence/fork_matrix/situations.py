"""What the matrix is of: the situations of a fork, and the releases of grpcio they are made with.

Data alone, because both sides need it: the measuring, which makes the forks, and the site, which
shows them and must not import what starts processes.
"""

from typing import NamedTuple


class Situation(NamedTuple):
    """A state of the parent, and what its child does, both as the probe names them."""

    parent: str
    child: str

    @property
    def name(self) -> str:
        """Return `busy:fresh`, which pages and commands write."""
        return ":".join(self)


SITUATIONS = (
    Situation("imported", "fresh"),
    Situation("constructed", "fresh"),
    Situation("idle", "fresh"),
    Situation("idle", "reuse"),
    Situation("busy", "none"),
    Situation("busy", "fresh"),
    Situation("busy", "reuse"),
    Situation("closed", "fresh"),
    Situation("aio", "fresh"),
    Situation("aio", "fresh-aio"),
)
BY_NAME = {situation.name: situation for situation in SITUATIONS}
RELEASES = (
    "1.48.2",
    "1.54.3",
    "1.60.2",
    "1.67.1",
    "1.71.2",
    "1.73.1",
    "1.76.0",
    "1.78.1",
    "1.78.2",
    "1.80.0",
    "1.80.1",
    "1.82.3",
    "1.85.1",
    "1.85.3",
)
"""Those between which forks changed, and some in between."""
