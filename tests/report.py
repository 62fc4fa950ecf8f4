"""Report: the table that ends `python3 noxfile.py`, from what the tests recorded."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

FAILED = "failed"
"""What a test did that ended before it knew the outcome."""
KINDS = {"page": "pages", "block": "blocks", "recipe": "recipes", "twin": "broken twins"}


def recorded(report: Path) -> list[tuple[str, str, str, float]]:
    """Read what each test recorded as its kind, page and outcome, and its seconds."""
    rows = []
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        properties = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        if kind := properties.get("kind"):
            seconds = float(case.get("time", "0"))
            rows.append((kind, properties["file"], properties.get("outcome", FAILED), seconds))
    return rows


def table(report: Path) -> Table:
    """Count files, runs and outcomes of each kind."""
    rows = recorded(report)
    shown = Table("", "files", "runs", "outcomes", "seconds")
    for kind in KINDS:
        of_kind = [row for row in rows if row[0] == kind]
        outcomes = Counter(outcome for _, _, outcome, _ in of_kind)
        shown.add_row(
            KINDS[kind],
            str(len({file for _, file, _, _ in of_kind})),
            str(len(of_kind)),
            ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common()),
            f"{sum(seconds for *_, seconds in of_kind):.0f}",
        )
    return shown


def main(report: str, site: str) -> None:
    console = Console()
    console.print(table(Path(report)))
    console.print(f"The site: {(Path(site) / 'index.html').resolve().as_uri()}", soft_wrap=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
