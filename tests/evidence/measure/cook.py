"""Cook: run one recipe against the local IAM, with its job, as a trial is run, and show it."""

import sys

import click

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.evidence.measure.run_job import run_job
from tests.runner import InterpreterRunner


@click.command()
@click.argument("file")
@click.argument("argv", nargs=-1)
def main(file: str, argv: tuple[str, ...]) -> None:
    """Run recipe FILE (a path below recipes/ without .py), with ARGV in place of its own."""
    file = file.removeprefix("recipes/").removesuffix(".py")
    if file not in BOOK.files():
        raise click.UsageError(f"no such recipe: {file}; there are {', '.join(BOOK.files())}")
    with LocalIAM() as local_iam, InterpreterRunner() as runner:
        outcome, run = run_job(file, local_iam, runner, argv=argv)
    click.echo(run.stdout, nl=False)
    click.echo(run.stderr, nl=False, err=True)
    if outcome != "ok":
        sys.exit(f"{file}: {outcome} after {run.seconds:.1f} s")


if __name__ == "__main__":
    main()
