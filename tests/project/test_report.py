"""The table that ends the main job."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from tests.report import table

REPORT = """\
<testsuites><testsuite>
  <testcase time="1.5"><properties>
    <property name="kind" value="block"/><property name="file" value="docs/a.md"/>
    <property name="outcome" value="ok"/>
  </properties></testcase>
  <testcase time="2.5"><properties>
    <property name="kind" value="block"/><property name="file" value="docs/a.md"/>
    <property name="outcome" value="hang"/>
  </properties></testcase>
  <testcase time="3.5"><properties>
    <property name="kind" value="block"/><property name="file" value="docs/b.md"/>
  </properties></testcase>
  <testcase time="9"/>
</testsuite></testsuites>
"""


def test_table_counts_what_the_tests_recorded(tmp_path: Path) -> None:
    """Pages, runs, outcomes and seconds are those of the tests that ran something."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    console = Console(file=StringIO(), width=100)
    console.print(table(report))
    assert isinstance(console.file, StringIO)
    (row,) = (line for line in console.file.getvalue().splitlines() if "blocks" in line)

    assert ["blocks", "2", "3", "ok 1, hang 1, failed 1", "8"] == [
        cell.strip() for cell in row.split("│")[1:-1]
    ]
