"""The command line: exit code 0 for a clean code base, 1 for findings, 2 for errors."""

import ast
import gc
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from .checks import Checks, Finding
from .files import python_files, shown
from .modules import CodeBase, Module, Spot, parse
from .reports import Place, Reported, as_github, as_sarif, as_text
from .rules import RULES, url
from .settings import START_METHODS, Settings, SettingsError, read_settings

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
    shown_findings = [finding for finding in findings if not finding.suppressed]
    if style == "sarif":
        click.echo(as_sarif(findings, errors))
    else:
        show = as_github if style == "github" else as_text
        for finding in shown_findings:
            click.echo(show(finding))
        for each in errors:
            click.echo(show(each), err=style == "text")
    if style == "text":
        counted = f"{len(shown_findings)} finding{'s' * (len(shown_findings) != 1)}"
        click.echo(f"{counted} in {len(files)} file{'s' * (len(files) != 1)}", err=True)
    sys.exit(2 if errors else 1 if shown_findings else 0)


def read(files: Iterable[Path]) -> tuple[list[Module], list[Reported]]:
    """Parse files; one that cannot be parsed is an error, and the others go on."""
    modules: list[Module] = []
    errors: list[Reported] = []
    for file in files:
        line, column = 1, 1
        try:
            modules.append(parse(file.resolve(), shown(file)))
            continue
        except SyntaxError as error:
            line, column = error.lineno or 1, max(error.offset or 1, 1)
            text = (
                f"this is no Python {sys.version_info.major}.{sys.version_info.minor}: {error.msg}"
            )
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            text = f"not read: {error}"
        place = Place(shown(file), line, column, line, column)
        errors.append(Reported("", place, " ".join(text.split()), ""))
    return modules, errors


def check(modules: list[Module], settings: Settings) -> list[Reported]:
    """Return the findings of the rules that are on, suppressed ones included, in order."""
    checks = Checks(CodeBase(modules), start_method=settings.start_method, clients=settings.clients)
    by_module: dict[Module, list[Reported]] = {module: [] for module in modules}
    for finding in checks.run():
        if finding.rule in settings.rules:
            by_module[finding.spot.module].append(reported(finding))
    found = [each for module in modules for each in suppressed(module, by_module[module], settings)]
    return sorted(
        found, key=lambda each: (each.place.path, each.place.line, each.place.column, each.rule)
    )


def reported(finding: Finding) -> Reported:
    beside = place(finding.beside) if finding.beside else None
    return Reported(finding.rule, place(finding.spot), finding.message, finding.url, beside)


def place(spot: Spot) -> Place:
    module, node = spot.module, spot.node
    assert isinstance(node, ast.expr | ast.stmt)
    end_line = node.end_lineno or node.lineno
    end_column = module.column(end_line, node.end_col_offset or node.col_offset)
    return Place(
        module.shown, node.lineno, module.column(node.lineno, node.col_offset), end_line, end_column
    )


def suppressed(module: Module, findings: list[Reported], settings: Settings) -> list[Reported]:
    """Mark what a comment suppresses, and add a finding for each that suppresses nothing."""
    marked = dict.fromkeys(findings, False)
    unused: list[Reported] = []
    for line, column, rules in module.suppressions():
        here = [each for each in findings if each.place.line <= line <= each.place.end_line]
        for rule in rules or [""]:
            matching = [each for each in here if rule in ("", each.rule)]
            marked.update(dict.fromkeys(matching, True))
            off = rule in RULES and rule not in settings.rules
            if not matching and not off and "unused-suppression" in settings.rules:
                text = f"Remove `{rule}`" if rule else "Remove this comment"
                text += (
                    ": it suppresses nothing." if rule in RULES or not rule else ": no such rule."
                )
                where = Place(module.shown, line, column, line, column + 1)
                page = url(RULES["unused-suppression"].page)
                unused.append(Reported("unused-suppression", where, text, page))
    shown_again = [
        Reported(each.rule, each.place, each.message, each.url, each.beside, suppressed=yes)
        for each, yes in marked.items()
    ]
    return [*shown_again, *unused]
