"""Cook: run one recipe against the local IAM, with its job, as `python FILE` would."""

import os
import subprocess
import sys

import click

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import job
from tests.evidence.trials import ROOT, recipe_files, recipe_path


@click.command()
@click.argument("file")
@click.argument("argv", nargs=-1)
def main(file: str, argv: tuple[str, ...]) -> None:
    """Run recipe FILE (a path below recipes/ without .py), with ARGV in place of its own."""
    file = file.removeprefix("recipes/").removesuffix(".py")
    if file not in recipe_files():
        raise click.UsageError(f"no such recipe: {file}; there are {', '.join(recipe_files())}")
    with LocalIAM() as local_iam:
        work = job(file, local_iam.project, local_iam.service_accounts)
        command = [sys.executable, str(recipe_path(file)), *(argv or work.argv)]
        if work.descriptors is not None:
            limit = ("sh", "-c", 'ulimit -n "$0" && exec "$@"', str(work.descriptors))
            command = [*limit, *command]
        environment = {**os.environ, **local_iam.environment}
        with work.prepared(local_iam):
            done = subprocess.run(
                command, cwd=ROOT, env=environment, input=work.stdin, text=True, check=False
            )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
