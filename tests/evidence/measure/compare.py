"""Compare: report each stored verdict that trials of other releases contradict."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from tests.evidence.cells import command, minor, worth
from tests.evidence.trials import Environment, Trial, all_trials
from tests.evidence.verdicts import Verdict, contradiction, verdict, verdicts_by_environment

Cell = tuple[str, Environment]


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--report", default="verdicts-changed.md", type=click.Path(path_type=Path))
def main(folders: tuple[Path, ...], report: Path) -> None:
    """Compare the trials of FOLDERS, which `evidence -- --records FOLDER` made, with the record.

    Writes what changed to the report, and exits with 1 where something did.
    """
    cells: dict[Cell, list[Trial]] = defaultdict(list)
    for trial in (trial for folder in folders for trial in all_trials(folder)):
        cells[trial.file, trial.environment].append(trial)
    if not cells:
        sys.exit("no trial to compare; run: python3 noxfile.py evidence -- --records FOLDER")
    lines = list(changes(cells))
    if not lines:
        print(f"{len(cells)} verdicts stand")
        return
    report.write_text("\n".join(lines), "utf-8")
    sys.exit(f"{len(lines)} of {len(cells)} verdicts changed: see {report}")


def changes(cells: dict[Cell, list[Trial]]) -> Iterator[str]:
    """Yield an item of a list for each cell whose trials contradict the stored verdict."""
    for (file, environment), trials in cells.items():
        change = contradiction(stored(file, environment), (trial.outcome for trial in trials))
        if change is not None:
            yield (
                f"- Python {environment.python}, grpcio {environment.grpcio}, "
                f"google-cloud-iam {environment.google_cloud_iam}, "
                f"{environment.start_method}: {change}\n"
                f"  `{command(file, environment)}`\n"
            )


def stored(file: str, environment: Environment) -> Verdict:
    """Return the newest verdict on the same Python, or else the one that the tests demand.

    Raises LookupError where there is neither.
    """
    comparable = {
        other: its
        for other, its in verdicts_by_environment(file).items()
        if minor(other.python) == minor(environment.python)
        and other.start_method == environment.start_method
        and other.fork_support == environment.fork_support
    }
    if comparable:
        return max(comparable.items(), key=worth)[1]
    return verdict(file, environment.start_method, environment.fork_support)


if __name__ == "__main__":
    main()
