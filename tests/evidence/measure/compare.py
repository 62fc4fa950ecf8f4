"""Compare: report each stored verdict that trials of other releases contradict."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from tests.evidence.record.cells import command, worth
from tests.evidence.record.environment import Environment, minor
from tests.evidence.record.store import RECORDS, Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict, contradiction

Tried = dict[tuple[str, Environment], list[Trial]]
"""The trials of each file in each environment."""


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--report", default="verdicts-changed.md", type=click.Path(path_type=Path))
@click.option("--records", default=RECORDS, type=click.Path(path_type=Path, file_okay=False))
def main(folders: tuple[Path, ...], report: Path, records: Path) -> None:
    """Compare the trials of FOLDERS, which `evidence -- --records FOLDER` made, with the record.

    Writes what changed to the report, and exits with 1 where something did.
    """
    tried: Tried = defaultdict(list)
    for trial in (trial for folder in folders for trial in Record(folder).all_trials()):
        tried[trial.file, trial.environment].append(trial)
    if not tried:
        sys.exit("no trial to compare; run: python3 noxfile.py evidence -- --records FOLDER")
    lines = list(contradictions(tried, Record(records)))
    if not lines:
        print(f"{len(tried)} verdicts stand")
        return
    report.write_text("\n".join(lines), "utf-8")
    sys.exit(f"{len(lines)} of {len(tried)} verdicts changed: see {report}")


def contradictions(tried: Tried, record: Record) -> Iterator[str]:
    """Yield an item of a list for each cell whose trials contradict the stored verdict."""
    for (file, environment), trials in tried.items():
        stored = comparable(record, file, environment)
        change = contradiction(stored, (trial.outcome for trial in trials))
        if change is not None:
            yield (
                f"- Python {environment.python}, grpcio {environment.grpcio}, "
                f"google-cloud-iam {environment.google_cloud_iam}, "
                f"{environment.start_method}: {change}\n"
                f"  `{command(file, environment)}`\n"
            )


def comparable(record: Record, file: str, environment: Environment) -> Verdict:
    """Return the newest verdict on the same Python, or else the one that the tests demand.

    Raises LookupError where there is neither.
    """
    found = {
        other: verdict
        for other, verdict in record.verdicts(file).items()
        if minor(other.python) == minor(environment.python)
        and other.start_method == environment.start_method
        and other.fork_support == environment.fork_support
    }
    if found:
        return max(found.items(), key=worth)[1]
    return record.verdict(file, environment.start_method, environment.fork_support)


if __name__ == "__main__":
    main()
