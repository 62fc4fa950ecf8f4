"""Merge: add the trials that shards made elsewhere to the record, each once."""

from pathlib import Path

import click

from tests.evidence.record.store import RECORDS, Record


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
    into = Record(records)
    for folder in folders:
        click.echo(f"{folder}: {merge(Record(folder), into)} trials added")


def merge(source: Record, into: Record) -> int:
    """Add the trials and the gaps that are not there yet; return how many trials."""
    into.not_installed.merge(source.not_installed)
    added = 0
    for file in source.files():
        there = set(into.trials(file))
        new = [trial for trial in source.trials(file) if trial not in there]
        into.append(new)
        added += len(new)
    into.describe(source.jobs())
    return added


if __name__ == "__main__":
    main()
