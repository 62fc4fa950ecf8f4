"""The command `evidence`: run recipes and broken twins, and store what they did.

Without a choice of releases they run here, each in a new interpreter. With one they run in
environments of their own, forked from a process that has imported the clients.
Every trial is stored as it ends; a command that was interrupted goes on where it stopped.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any

import click

from tests.book import BOOK, START_METHODS, Book
from tests.evidence.measure.interpreters import Interpreter, UvError, build, folder_of, here
from tests.evidence.measure.kept_output import failure_of_recipe, keep_output
from tests.evidence.measure.processors import Load, wait_for_idle_processors
from tests.evidence.measure.run_job import Done, run_job
from tests.evidence.measure.schedule import (
    Planned,
    at_a_time,
    missing,
    planned_along,
    progress,
)
from tests.evidence.measure.slots import Slots, Todo, place_of
from tests.evidence.record.environment import FORK_SUPPORT, Wanted
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.plan import ALL, AXES, TRIALS, Choice
from tests.evidence.record.store import RECORDS, Record
from tests.runner import RunnerError

JOBS = os.cpu_count() or 1
"""More are faster where most trials wait; many of a program that computes miss its deadlines."""
Releases = Wanted | None
"""An environment to build; None for the one that this runs in."""


class Shard(click.ParamType[tuple[int, int]]):
    """`3/20`: the third of twenty parts of the programs."""

    name = "K/N"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return both numbers."""
        number, _, parts = value.partition("/")
        if not (number.isdecimal() and parts.isdecimal() and 0 < int(number) <= int(parts)):
            self.fail(f"{value} is no shard; write 3/20 for the third of twenty", param, ctx)
        return int(number), int(parts)


@click.command()
@click.option(
    "--recipe",
    multiple=True,
    default=["*"],
    help="A path below recipes/ without .py, or a pattern such as 'processes/*'; all if none.",
)
@click.option(
    "--axis", type=click.Choice([*AXES, ALL]), help="Environments of the book's plan, or all."
)
@click.option("--python", multiple=True, help="Such as 3.12.")
@click.option("--grpcio", multiple=True, help="Releases, such as 1.62.3.")
@click.option("--iam", multiple=True, help="Releases of google-cloud-iam, such as 2.19.1.")
@click.option("--start-method", multiple=True, type=click.Choice(START_METHODS))
@click.option(
    "--fork-support",
    multiple=True,
    type=click.Choice(FORK_SUPPORT),
    help="Values of GRPC_ENABLE_FORK_SUPPORT; unset if none.",
)
@click.option(
    "--trials", type=int, help=f"Trials of each cell; on an axis as the plan has it, else {TRIALS}."
)
@click.option("--jobs", default=JOBS, show_default=True, help="Trials at a time.")
@click.option("--new-interpreter", is_flag=True, help="Fork no trial from an importing process.")
@click.option("--shard", type=Shard(), default="1/1", help="A part of the programs, such as 3/20.")
@click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=RECORDS,
    help="The folder to store the trials in.",
)
def main(
    recipe: tuple[str, ...],
    trials: int | None,
    jobs: int,
    new_interpreter: bool,
    shard: tuple[int, int],
    records: Path,
    **chosen: Any,
) -> None:
    """Run recipes and broken twins, and store each trial."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C does: what is under way ends
    choice = Choice(**chosen)
    # a shard has all cells of its files: how many trials one is to have, its neighbours say
    files = named(recipe, BOOK)[shard[0] - 1 :: shard[1]]
    forked = choice.elsewhere and not new_interpreter
    record = Record(RECORDS if records.resolve() == RECORDS else records)
    measure(choice, files, Measurement(record, jobs, trials, forked))


@dataclass(frozen=True)
class Measurement:
    """Makes trials in so many slots; `trials` of each cell, or as many as the plan wants.

    `run`, `wait` and `load` are what a slot runs by, starts after, and is watched with.
    """

    record: Record
    jobs: int
    trials: int | None
    forked: bool
    run: Callable[..., Done] = run_job
    wait: Callable[[float], None] = wait_for_idle_processors
    load: Callable[[], Load] = Load

    def make(
        self,
        choices: Sequence[Choice],
        files: Sequence[str],
        built: Mapping[Releases, Interpreter | None],
    ) -> int:
        """Make and store what is missing of the choices; return how many trials failed."""
        for file in files:
            self.record.drop_other_programs(file)
        cells = {choice: self._cells(choice, files, built) for choice in choices}
        failed = 0
        while lacking := list(missing(self._planned(cells), self.record)):
            lost = self._try(lacking)
            failed += lost
            if lost:  # the same command tries them again
                break
        return failed

    def _cells(
        self, choice: Choice, files: Sequence[str], built: Mapping[Releases, Interpreter | None]
    ) -> list[Todo]:
        environments = [found for each in choice.environments if (found := built.get(each))]
        return list(product(environments, choice.variants(files, self.record.book)))

    def _planned(self, cells: Mapping[Choice, Sequence[Todo]]) -> Planned:
        """Plan all choices together: a cell on two axes has as many trials as either wants."""
        planned: Planned = {}
        for choice, todo in cells.items():
            for cell, number in self._planned_of(choice, todo).items():
                planned[cell] = max(number, planned.get(cell, 0))
        return planned

    def _planned_of(self, choice: Choice, todo: Sequence[Todo]) -> Planned:
        if self.trials is None and choice.axis is not None:
            return planned_along(choice.axis, todo, self.record)
        return dict.fromkeys(todo, TRIALS if self.trials is None else self.trials)

    def _try(self, todo: Sequence[Todo]) -> int:
        failed = 0
        with self.load() as load:
            slots = Slots(self.record, load, self.forked, self.run, self.wait)
            for made in at_a_time(todo, self.jobs, slots.open, "trials", place_of):
                if isinstance(made, RunnerError):
                    failed += 1
                    click.echo(f"no trial: {made}", err=True)
                    continue
                self.record.append([made[0]])
                keep_output(*made, self.record.outputs)
                if failure := failure_of_recipe(*made):
                    click.echo(failure, err=True)
        return failed


def measure(
    choice: Choice,
    files: Sequence[str],
    measurement: Measurement,
    build: Callable[[Wanted], Interpreter | NotInstalled] = build,
) -> None:
    """Make what is missing of a choice.

    Raises click.UsageError where there is nothing to try, and SystemExit with what is still missing
    where a trial failed or an environment could not be made.
    """
    record = measurement.record
    planned = [
        part for part in choice.axes if part.environments and part.variants(files, record.book)
    ]
    if not planned:
        raise click.UsageError("nothing to try: no environment or no variant fits all options")
    wanted = dict.fromkeys(releases for part in planned for releases in part.environments)
    built = dict(installed(list(wanted), record, build))
    failed = measurement.make(planned, files, built)
    if failed or None in built.values():
        sys.exit(
            f"{failed} trials failed, {[*built.values()].count(None)} environments were left out, "
            "see above; the same command tries them again"
        )


def named(patterns: Iterable[str], book: Book) -> list[str]:
    """Return the files that the patterns name.

    Raises click.UsageError for a pattern that names none.
    """
    files = book.files()
    unknown = [each for each in patterns if not any(fnmatch(file, each) for file in files)]
    if unknown:
        raise click.UsageError(f"no such recipe: {', '.join(unknown)}; see recipes/")
    return [file for file in files if any(fnmatch(file, each) for each in patterns)]


def installed(
    environments: Sequence[Releases],
    record: Record,
    build: Callable[[Wanted], Interpreter | NotInstalled],
) -> Iterator[tuple[Releases, Interpreter | None]]:
    """Build environments, and store which cannot be installed; yield each with its interpreter.

    Leaves out what cannot be installed, and says so.
    Yields None in the place of an interpreter that could not be made for another reason.
    """
    for wanted in progress(environments, len(environments), "environments"):
        if wanted is None:
            yield None, here()
            continue
        try:
            built = build(wanted)
        except UvError as error:
            click.echo(f"left out: {error}", err=True)
            yield wanted, None
            continue
        if isinstance(built, NotInstalled):
            record.not_installed.keep(wanted, built)
            click.echo(f"{folder_of(wanted).name} cannot be installed: {built.reason}", err=True)
        else:
            record.not_installed.keep(wanted, None)
            yield wanted, built


if __name__ == "__main__":
    main()
