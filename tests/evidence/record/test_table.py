"""Tables: what is read is what was written, and nothing else is."""

from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.evidence.record.table import Table

SCHEMA = {
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z, ]+$"},
        "state": {"enum": ["well", "ill"]},
        "age": {"type": "string", "pattern": "^([0-9]+)?$"},
    }
}
Row = tuple[str, str, int | None]


def to_columns(row: Row) -> Mapping[str, object]:
    return dict(zip(SCHEMA["properties"], row, strict=True))


def from_columns(columns: Mapping[str, str]) -> Row:
    age = int(columns["age"]) if columns["age"] else None
    return columns["name"], columns["state"], age


@pytest.fixture(name="table")
def _table() -> Table[Row]:
    return Table(SCHEMA, to_columns, from_columns)


ONE: Row = ("one", "well", 3)
OTHER: Row = ("another, with a comma", "ill", None)


def test_rows_are_read_as_they_were_written(tmp_path: Path, table: Table[Row]) -> None:
    """The columns are named once, whatever is added later."""
    file = tmp_path / "folder" / "rows.csv"
    assert () == table.read(file)
    table.append(file, [ONE])
    assert (ONE,) == table.read(file)
    table.append(file, [OTHER, ONE])

    assert (ONE, OTHER, ONE) == table.read(file)
    assert 'name,state,age\none,well,3\n"another, with a comma",ill,\n' in file.read_text("utf-8")


def test_file_is_read_again_only_where_it_has_changed(tmp_path: Path, table: Table[Row]) -> None:
    """Many tables of the site ask for the same rows."""
    file = tmp_path / "rows.csv"
    table.append(file, [ONE])
    first = table.read(file)
    assert first is table.read(file)

    table.append(file, [ONE])
    assert 2 == len(table.read(file))


def test_row_is_added_in_one_write(tmp_path: Path, table: Table[Row]) -> None:
    """An interruption leaves no half row, nor the names of the columns alone."""
    counted = []
    for row in (ONE, OTHER):
        before = psutil.Process().io_counters().write_count
        table.append(tmp_path / "rows.csv", [row])
        counted.append(psutil.Process().io_counters().write_count - before)

    assert [1, 1] == counted


def test_file_is_replaced_at_once(tmp_path: Path, table: Table[Row]) -> None:
    """Whoever has the old one open goes on reading it, and nothing else is left."""
    file = tmp_path / "rows.csv"
    table.append(file, [ONE, OTHER])
    with file.open("rb") as before:
        table.replace(file, [OTHER])
        assert 3 == len(before.readlines())

    assert (OTHER,) == table.read(file)
    assert [file] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("row", [("ONE", "well", 1), ("one", "fine", 1), ("one", "well", -1)])
def test_row_outside_the_schema_is_not_written(tmp_path: Path, table: Table[Row], row: Row) -> None:
    """A number that nobody can explain never gets as far as a page."""
    file = tmp_path / "rows.csv"
    with pytest.raises(ValueError, match="which its schema does not allow"):
        table.append(file, [row])

    assert not file.exists()


@pytest.mark.parametrize(
    "line", ["one", "one,well,3,4", "One,well,3", "one,,3", "one,well,three", '"one\n",well,3', ""]
)
def test_damaged_line_is_named_with_its_number(
    tmp_path: Path, table: Table[Row], line: str
) -> None:
    """It is the number that an editor shows."""
    file = tmp_path / "rows.csv"
    table.append(file, [ONE])
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")

    number = 3 + line.count("\n")
    with pytest.raises(ValueError, match=rf"rows\.csv:{number} is no row of this table: "):
        table.read(file)


@pytest.mark.parametrize("head", ["", "name,age,state\n", "one,well,3\n"])
def test_file_without_its_columns_is_refused(tmp_path: Path, table: Table[Row], head: str) -> None:
    """Nobody has to guess what a column means."""
    file = tmp_path / "rows.csv"
    file.write_text(head, "utf-8")

    with pytest.raises(ValueError, match=r"rows\.csv:1 does not name the columns name,state,age"):
        table.read(file)
