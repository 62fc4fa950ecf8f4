"""Releases that could not be installed together, and why: a gap of the plan that has its reason."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

from tests.evidence.record.environment import Wanted

FILE = "not_installed.csv"
NEWEST = "newest"
"""What stands for a release where any would do."""


@dataclass(frozen=True)
class NotInstalled:
    """Releases that could not be installed together, and why."""

    python: str
    grpcio: str
    google_cloud_iam: str
    reason: str
    date: str

    @classmethod
    def of(cls, wanted: Wanted, reason: str) -> "NotInstalled":
        """Say it of what was wanted, today."""
        return cls(*named(wanted), reason, datetime.now(timezone.utc).date().isoformat())

    @property
    def releases(self) -> tuple[str, str, str]:
        """Return each release, and `newest` where any would do."""
        return self.python, self.grpcio, self.google_cloud_iam


def named(wanted: Wanted) -> tuple[str, str, str]:
    """Return each release, and `newest` where any would do."""
    return wanted.python, wanted.grpcio or NEWEST, wanted.google_cloud_iam or NEWEST


class NotInstalledTable:
    """What is stored of it in a folder of records."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def read(self) -> list[NotInstalled]:
        """Return what could not be installed."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as lines:
            return [NotInstalled(**row) for row in csv.DictReader(lines)]

    def keep(self, wanted: Wanted, refused: NotInstalled | None) -> None:
        """Store that releases could not be installed, or forget it where they now can be."""
        stored = self.read()
        rows = {each.releases: each for each in stored}
        rows.pop(named(wanted), None)
        if refused is not None:
            rows[named(wanted)] = refused
        if [*rows.values()] != stored:
            self._write(rows.values())

    def merge(self, other: "NotInstalledTable") -> None:
        """Add what could not be installed elsewhere."""
        rows = {each.releases: each for each in (*self.read(), *other.read())}
        if [*rows.values()] != self.read():
            self._write(rows.values())

    def _write(self, rows: Iterable[NotInstalled]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", encoding="utf-8", newline="") as lines:
            table = csv.writer(lines, lineterminator="\n")
            table.writerow(column.name for column in fields(NotInstalled))
            table.writerows(map(astuple, rows))
