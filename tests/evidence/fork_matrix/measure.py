"""Measure the fork matrix: releases of grpcio x states of the parent x uses in the child.

Usage: python -m tests.evidence.fork_matrix.measure --grpcio 1.85.1 --trials 20

A command of its own, because what it tries are situations and no recipes; when trials start, and
how they are stored, is as for programs. Every trial is stored as it ends, and a command that was
interrupted goes on where it stopped.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from functools import partial
from itertools import product
from pathlib import Path
from threading import Lock

import click

from recipes.testing.local_iam import LocalIAM
from tests.evidence.fork_matrix.forker import Forker, Machine, NoForkError
from tests.evidence.fork_matrix.situations import BY_NAME, RELEASES, SITUATIONS
from tests.evidence.fork_matrix.trials import FOLDER, ForkRecord, ForkTrial, Setting
from tests.evidence.measure.interpreters import Interpreter, UvError, build
from tests.evidence.measure.processors import Load, wait_for_idle_processors
from tests.evidence.measure.schedule import at_a_time
from tests.evidence.record.environment import FORK_SUPPORT, Wanted
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.plan import PYTHON, TRIALS

SLOTS = os.cpu_count() or 1
Tried = ForkTrial | NoForkError
Interpreters = Mapping[tuple[str, str], Interpreter]
"""By their releases of Python and grpcio."""


def missing(
    settings: Sequence[Setting], trials: int, stored: Iterable[ForkTrial]
) -> Iterator[Setting]:
    """Yield each trial that is not stored yet: first one of every setting, then another."""
    done = Counter(trial.setting for trial in stored)
    for number in range(trials):
        yield from (setting for setting in settings if done[setting] <= number)


@contextmanager
def this_machine() -> Iterator[Machine]:
    """Yield what starts trials in turn, looks at the load, and knows the time."""
    starting = Lock()

    def wait_in_turn() -> None:
        with starting:
            wait_for_idle_processors()

    with Load() as load:
        yield Machine(wait_in_turn, load.since, lambda: datetime.now(timezone.utc))


@contextmanager
def slot(interpreters: Interpreters, machine: Machine) -> Iterator[Callable[[Setting], Tried]]:
    """Yield what makes one fork at a time; a fork under way ends with it."""
    with LocalIAM() as local_iam, closing(Forker(local_iam, machine)) as forker:

        def try_one(setting: Setting) -> Tried:
            try:
                return forker.fork(setting, interpreters[setting.python, setting.grpcio])
            except NoForkError as error:
                return error

        yield try_one


def measure(
    record: ForkRecord,
    todo: Sequence[Setting],
    interpreters: Interpreters,
    slots: int,
    machine: Machine,
) -> int:
    """Make and store trials, so many at a time; return how many failed."""
    failed = 0
    for trial in at_a_time(todo, slots, partial(slot, interpreters, machine), "forks"):
        if isinstance(trial, NoForkError):
            failed += 1
            click.echo(f"no trial: {trial}", err=True)
        else:
            record.append(trial)
    return failed


def installed(record: ForkRecord, environments: Iterable[Wanted]) -> Iterator[Interpreter]:
    """Build environments, and store which cannot be installed; yield each interpreter."""
    for wanted in environments:
        try:
            built = build(wanted)
        except UvError as error:
            sys.exit(str(error))
        refused = built if isinstance(built, NotInstalled) else None
        record.not_installed.keep(wanted, refused)
        if isinstance(built, NotInstalled):
            click.echo(f"grpcio {wanted.grpcio} on Python {wanted.python}: {built.reason}")
        else:
            yield built


@click.command()
@click.option("--grpcio", multiple=True, default=RELEASES, help="Releases, such as 1.85.1.")
@click.option("--python", multiple=True, default=[PYTHON], help="As `uv venv --python` takes it.")
@click.option("--trials", default=TRIALS, show_default=True, help="Trials of each setting.")
@click.option("--fork-support", multiple=True, type=click.Choice(FORK_SUPPORT), default=["unset"])
@click.option(
    "--cell",
    multiple=True,
    type=click.Choice(list(BY_NAME)),
    help="A state of the parent with a use in the child; all if none is named.",
)
@click.option("--jobs", default=SLOTS, show_default=True, help="Trials at a time.")
@click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    help="The folder to store the trials in.",
)
def main(
    grpcio: tuple[str, ...],
    python: tuple[str, ...],
    trials: int,
    fork_support: tuple[str, ...],
    cell: tuple[str, ...],
    jobs: int,
    records: Path,
) -> None:
    """Fork, in environments of their own, and store what became of child and parent."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C does: what is under way ends
    record = ForkRecord(records)
    wanted = [Wanted(request, release) for release in grpcio for request in python]
    interpreters = {(each.python, each.grpcio): each for each in installed(record, wanted)}
    situations = [BY_NAME[name] for name in cell] or SITUATIONS
    settings = [
        Setting(*releases, support, situation)
        for releases, support, situation in product(interpreters, fork_support, situations)
    ]
    todo = list(missing(settings, trials, record.of_today()))
    with this_machine() as machine:
        failed = measure(record, todo, interpreters, jobs, machine)
    sys.exit(
        f"{failed} trials failed, see above; the same command tries them again" if failed else 0
    )


if __name__ == "__main__":
    main()
