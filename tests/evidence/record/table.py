"""A table of rows in a file, which only grows: what trials of programs and of forks are kept in.

A row is written at once, so that an interruption loses none and leaves no half line. Rows are
checked by a schema when they are read and when they are written: a number that nobody can explain
never gets as far as a page.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Stamp = tuple[int, int]
"""A file's size and time of change: where both are the same, it was read already."""


@dataclass
class Table(Generic[Row]):
    """How rows of one kind are written: a column for each property of the schema, in its order.

    `to_columns` and `from_columns` turn a row into the texts of its columns and back.
    """

    schema: Mapping[str, Any]
    to_columns: Callable[[Row], Mapping[str, object]]
    from_columns: Callable[[Mapping[str, str]], Row]
    _read: dict[Path, tuple[Stamp, tuple[Row, ...]]] = field(default_factory=dict, repr=False)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Name the columns."""
        return tuple(self.schema["properties"])

    @cached_property
    def _allowed(self) -> dict[str, re.Pattern[str]]:
        """Return what a column's text must match: its pattern, or one of its values."""
        return {
            name: re.compile(stated.get("pattern") or "^(" + "|".join(stated["enum"]) + ")$")
            for name, stated in self.schema["properties"].items()
        }

    def read(self, file: Path) -> tuple[Row, ...]:
        """Return every row of a file, none where there is no file; again only if it has changed.

        Raises ValueError with the line's number where a line is no row.
        """
        if not file.exists():
            return ()
        state = file.stat()
        stamp = (state.st_size, state.st_mtime_ns)
        known = self._read.get(file)
        if known is None or known[0] != stamp:
            known = self._read[file] = stamp, self._parsed(file)
        return known[1]

    def append(self, file: Path, rows: Iterable[Row]) -> None:
        """Add rows, each in one write.

        Raises ValueError where a row is not of the schema.
        """
        for row in rows:
            line = self.line(row)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8", newline="") as lines:
                lines.write(("" if lines.tell() else _csv(self.columns)) + line)

    def replace(self, file: Path, rows: Iterable[Row]) -> None:
        """Write a file anew; whoever reads it meanwhile sees all of the old one, or of the new."""
        complete = file.with_suffix(".new")
        complete.write_text(_csv(self.columns) + "".join(map(self.line, rows)), "utf-8")
        complete.replace(file)

    def line(self, row: Row) -> str:
        """Return the line of a row.

        Raises ValueError where it is not of the schema.
        """
        columns = {name: _text(value) for name, value in self.to_columns(row).items()}
        self._check(columns)
        return _csv([columns[name] for name in self.columns])

    def _parsed(self, file: Path) -> tuple[Row, ...]:
        with file.open(encoding="utf-8", newline="") as text:
            lines = csv.reader(text)
            if tuple(next(lines, ())) != self.columns:
                named = ",".join(self.columns)
                raise ValueError(f"{file.name}:1 does not name the columns {named}")
            return tuple(self._row(f"{file.name}:{lines.line_num}", line) for line in lines)

    def _row(self, place: str, line: list[str]) -> Row:
        try:
            if len(line) != len(self.columns):
                raise ValueError(f"{len(line)} columns, not {len(self.columns)}")
            columns = dict(zip(self.columns, line, strict=True))
            self._check(columns)
            return self.from_columns(columns)
        except ValueError as error:
            raise ValueError(f"{place} is no row of this table: {error}") from error

    def _check(self, columns: Mapping[str, str]) -> None:
        for name, value in columns.items():
            if not self._allowed[name].fullmatch(value):
                raise ValueError(f"{name} is {value!r}, which its schema does not allow")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _csv(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
