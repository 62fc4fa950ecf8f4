"""The command line: exit code 0 for a clean code base, 1 for findings, 2 for errors.

A run is short and ends with its process. So trees are never collected, and the limit of recursion
is raised to what code needs that a generator wrote.
"""

import gc
import sys
from pathlib import Path

import click

from .checks import check, read
from .files import python_files
from .reports import Reported, as_github, as_sarif, as_text
from .rules import RULES
from .settings import START_METHODS, SettingsError, read_settings

RECURSION = 10_000  # nested expressions and calls of calls, in code that was generated
FORMATS = ("text", "sarif", "github")


def names(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Split names that are separated by commas."""
    return tuple(name.strip() for each in given for name in each.split(",") if name.strip())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format", "style", type=click.Choice(FORMATS), default="text", show_default=True,
    help="How findings are printed.",
)  # fmt: skip
@click.option("--select", multiple=True, callback=names, help="Rules that are on; default: all.")
@click.option("--ignore", multiple=True, callback=names, help="Rules that are off.")
@click.option("--exclude", multiple=True, help="Pattern of names or paths that are left out.")
@click.option(
    "--start-method", type=click.Choice(START_METHODS), default=None,
    help="How workers start where the code does not say.",
)  # fmt: skip
def main(
    paths: tuple[Path, ...],
    style: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    start_method: str | None,
) -> None:
    """Find Google Cloud clients that more than one process would share.

    PATHS are files and folders; without one, the current folder is checked.
    """
    try:
        settings = read_settings(Path.cwd()).with_options(
            select=select, ignore=ignore, exclude=exclude, start_method=start_method or ""
        )
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    gc.disable()  # trees are kept to the end
    sys.setrecursionlimit(RECURSION)
    files = list(python_files(paths or [Path()], settings.exclude))
    modules, errors = read(files)
    findings = check(modules, settings)
    shown = [finding for finding in findings if not finding.suppressed]
    if style == "sarif":
        click.echo(as_sarif(findings, errors, RULES.values()))
    else:
        show_lines(shown, errors, style)
    if style == "text":
        click.echo(f"{counted(len(shown), 'finding')} in {counted(len(files), 'file')}", err=True)
    sys.exit(2 if errors else 1 if shown else 0)


def show_lines(findings: list[Reported], errors: list[Reported], style: str) -> None:
    """Print a line each; errors go to standard error unless a machine reads both."""
    show = as_github if style == "github" else as_text
    for finding in findings:
        click.echo(show(finding))
    for error in errors:
        click.echo(show(error), err=style == "text")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
