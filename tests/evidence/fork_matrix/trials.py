"""The record of the fork matrix: one fork a row, as the probe saw it.

It is kept as the trials of programs are, but in a table of its own: what runs is always the probe,
and a fork has two outcomes, the child's and the parent's. Forks of another probe stay in the file
as what they are; they have no say.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.evidence.fork_matrix.situations import Situation
from tests.evidence.record.environment import Environment
from tests.evidence.record.identity import program_of
from tests.evidence.record.not_installed import NotInstalled, NotInstalledTable
from tests.evidence.record.table import Table

FOLDER = Path(__file__).parent
PROBE = FOLDER / "probe.py"
SCHEMA = json.loads((FOLDER / "trials.schema.json").read_text("utf-8"))
Number = TypeVar("Number", int, float)


class Setting(NamedTuple):
    """What is tried: a situation with these releases, whichever google-cloud-iam goes with them."""

    python: str
    grpcio: str
    fork_support: str
    situation: Situation

    def __str__(self) -> str:
        variable = f"GRPC_ENABLE_FORK_SUPPORT {self.fork_support}"
        return f"{self.situation.name} with grpcio {self.grpcio}, Python {self.python}, {variable}"


@dataclass(frozen=True)
class ForkTrial:
    """One fork, by the probe of that name (see `identity`).

    `child_outcome` is None where the parent never came to have a child.
    `calls` and `errors` count the parent's calls from the fork on, None where it did not live to
    say; `fork_seconds` is how long `os.fork()` took in it, None where that did not return.
    `load` is how many threads were runnable for each processor, the mean while it ran; None where
    nobody looked.
    `date` is when it ended: a day, or to the millisecond.
    """

    probe: str
    environment: Environment
    situation: Situation
    child_outcome: str | None
    child_error: str
    parent_outcome: str
    parent_error: str
    calls: int | None
    errors: int | None
    fork_seconds: float | None
    load: float | None
    date: str

    @property
    def setting(self) -> Setting:
        """Say what was tried."""
        its = self.environment
        return Setting(its.python, its.grpcio, its.fork_support, self.situation)


@cache
def fork_environment(
    python: str, grpcio: str, google_cloud_iam: str, fork_support: str, system: str
) -> Environment:
    """Return one object for equal environments; the start method is always a plain fork."""
    return Environment(python, grpcio, google_cloud_iam, "fork", fork_support, system)


def _columns(trial: ForkTrial) -> Mapping[str, object]:
    columns = asdict(trial)
    del columns["situation"]
    columns |= columns.pop("environment") | trial.situation._asdict()
    del columns["start_method"]
    return columns


def _trial(columns: Mapping[str, str]) -> ForkTrial:
    releases = (columns[name] for name in ("python", "grpcio", "google_cloud_iam"))
    return ForkTrial(
        probe=columns["probe"],
        environment=fork_environment(*releases, columns["fork_support"], columns["system"]),
        situation=Situation(columns["parent"], columns["child"]),
        child_outcome=columns["child_outcome"] or None,
        child_error=columns["child_error"],
        parent_outcome=columns["parent_outcome"],
        parent_error=columns["parent_error"],
        calls=_number(int, columns["calls"]),
        errors=_number(int, columns["errors"]),
        fork_seconds=_number(float, columns["fork_seconds"]),
        load=_number(float, columns["load"]),
        date=columns["date"],
    )


def _number(kind: Callable[[str], Number], text: str) -> Number | None:
    return kind(text) if text else None


TABLE = Table(SCHEMA, _columns, _trial)
"""How forks are written."""


@dataclass(frozen=True)
class ForkRecord:
    """The forks that are stored in a folder, and those of them that a probe made."""

    folder: Path = FOLDER
    probe: Path = PROBE

    @property
    def path(self) -> Path:
        """Where the forks are."""
        return self.folder / "trials.csv"

    @property
    def not_installed(self) -> NotInstalledTable:
        """What could not be installed."""
        return NotInstalledTable(self.folder)

    def trials(self) -> tuple[ForkTrial, ...]:
        """Return every stored fork, of whichever probe.

        Raises ValueError with the line's number where a line is none.
        """
        return TABLE.read(self.path)

    def of_today(self) -> tuple[ForkTrial, ...]:
        """Return the forks of today's probe."""
        today = program_of(self.probe)
        return tuple(trial for trial in self.trials() if trial.probe == today)

    def refused(self) -> list[NotInstalled]:
        """Return what could not be installed."""
        return self.not_installed.read()

    def append(self, trial: ForkTrial) -> None:
        """Add a fork.

        Raises ValueError where it is not of the schema.
        """
        TABLE.append(self.path, [trial])


RECORD = ForkRecord()
"""That of this book."""
