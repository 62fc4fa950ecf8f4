"""Merge: add the trials that shards made elsewhere to the record, each once."""

from pathlib import Path

import click

from tests.evidence.environments import merge_refused
from tests.evidence.trials import RECORDS, append_trials, read_trials, recorded_files


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=RECORDS,
    help="The folder to add the trials to.",
)
def main(folders: tuple[Path, ...], records: Path) -> None:
    """Add the trials of FOLDERS, which `evidence -- --records FOLDER` made."""
    for folder in folders:
        merge_refused(folder, records)
        added = sum(merge(file, folder, records) for file in recorded_files(folder))
        click.echo(f"{folder}: {added} trials added")


def merge(file: str, folder: Path, records: Path) -> int:
    """Add the trials of a file that are not there yet; return how many."""
    there = set(read_trials(file, records))
    new = [trial for trial in read_trials(file, folder) if trial not in there]
    append_trials(new, records)
    return len(new)


if __name__ == "__main__":
    main()
