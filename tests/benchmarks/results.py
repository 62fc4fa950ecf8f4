"""Results of benchmarks whose figures stand on pages: one JSON file for each benchmark."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from tests.evidence.record.environment import Environment

RESULTS = Path(__file__).with_name("stored")

Row = dict[str, str | int | float]
"""One row of a table; its keys are the columns' titles, with the unit in brackets."""


@dataclass(frozen=True)
class Result:
    """What a benchmark measured: rows for a table, and single figures by name.

    `python`, `grpcio` and `google_cloud_iam` are versions, `cores` counts those of the machine.
    """

    rows: list[Row]
    figures: dict[str, str | int | float] = field(default_factory=dict)
    date: str = ""
    python: str = ""
    grpcio: str = ""
    google_cloud_iam: str = ""
    cores: int = 0


def store(
    name: str,
    rows: list[Row],
    figures: dict[str, str | int | float] | None = None,
    folder: Path = RESULTS,
) -> Result:
    """Write what a benchmark measured here and today to `NAME.json` in a folder."""
    here = Environment.here("fork")
    result = Result(
        rows=rows,
        figures=figures or {},
        date=datetime.now(timezone.utc).date().isoformat(),
        python=here.python,
        grpcio=here.grpcio,
        google_cloud_iam=here.google_cloud_iam,
        cores=len(os.sched_getaffinity(0)),
    )
    folder.mkdir(exist_ok=True)
    path_of(name, folder).write_text(json.dumps(asdict(result), indent=1) + "\n", "utf-8")
    return result


def path_of(name: str, folder: Path = RESULTS) -> Path:
    return folder / f"{name}.json"


def read(name: str, folder: Path = RESULTS) -> Result:
    """Return a stored result.

    Raises LookupError with the command that makes it where there is none.
    """
    if not path_of(name, folder).exists():
        command = f"python3 noxfile.py bench -- {name}"
        raise LookupError(f"no stored result of the benchmark {name}; run: {command}")
    return Result(**json.loads(path_of(name, folder).read_text("utf-8")))


def figure(name: str, key: str, folder: Path = RESULTS) -> str:
    """Return one figure of a result as text, with commas between thousands.

    Raises LookupError where there is no such result or figure.
    """
    figures = read(name, folder).figures
    if key not in figures:
        raise LookupError(f"the benchmark {name} has no figure {key}; it has {', '.join(figures)}")
    value = figures[key]
    return value if isinstance(value, str) else f"{value:,}"


def value(row: Row, column: str) -> str | int | float:
    """Return what stands in a column of a row.

    Raises LookupError where there is no such column.
    """
    if column not in row:
        raise LookupError(f"no column {column}; there are {', '.join(row)}")
    return row[column]


def number(row: Row, column: str) -> int | float:
    """Return the number in a column of a row.

    Raises LookupError where there is none.
    """
    found = value(row, column)
    if isinstance(found, str):
        raise LookupError(f"{found!r} in the column {column} is no number")
    return found


def chosen(rows: Sequence[Row], wanted: str | None) -> list[Row]:
    """Return the rows that hold what `COLUMN = VALUE` says, without that column; None is all.

    Raises LookupError where there is no such column or no such row.
    """
    if wanted is None:
        return list(rows)
    column, _, text = (part.strip() for part in wanted.partition("="))
    found = [row for row in rows if str(value(row, column)) == text]
    if not found:
        raise LookupError(f"no row has {text} in the column {column}")
    return [{name: cell for name, cell in row.items() if name != column} for row in found]
