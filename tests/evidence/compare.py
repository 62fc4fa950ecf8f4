"""Compare: report each stored verdict that the releases installed here contradict."""

import contextlib
import sys
from pathlib import Path

import click

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import variants
from tests.evidence.measure import progress
from tests.evidence.plan import Cell
from tests.evidence.today import changed
from tests.evidence.trials import Environment, recipe_files
from tests.runner import InterpreterRunner


@click.command()
@click.option("--report", default="verdicts-changed.md", type=click.Path(path_type=Path))
def main(report: Path) -> None:
    """Run every recipe and broken twin; write what changed to the report and exit with 1."""
    todo = [Cell(*variant) for variant in variants(*recipe_files())]
    with contextlib.ExitStack() as stack:
        local_iam = stack.enter_context(LocalIAM())
        runner = stack.enter_context(InterpreterRunner())
        found = [changed(cell, local_iam, runner) for cell in progress(todo, len(todo), "verdicts")]
    lines = [
        f"- {cell.start_method}: {change}\n"
        for cell, change in zip(todo, found, strict=True)
        if change
    ]
    if not lines:
        print(f"{len(todo)} verdicts stand")
        return
    here = Environment.here("fork")
    versions = (
        f"Python {here.python}, grpcio {here.grpcio}, google-cloud-iam {here.google_cloud_iam}"
    )
    report.write_text(f"With {versions}:\n\n{''.join(lines)}", "utf-8")
    sys.exit(f"{len(lines)} of {len(todo)} verdicts changed: see {report}")


if __name__ == "__main__":
    main()
