"""Measure: run recipes and broken twins N trials each, and store what they did.

Without a choice of releases they run here, each in a new interpreter. With one they run in
environments of their own, forked from a process that has imported the clients.
Every trial is stored as it ends; a command that was interrupted goes on where it stopped.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from queue import SimpleQueue
from random import Random
from textwrap import shorten
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import click
import psutil
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from recipes.testing.local_iam import LocalIAM
from tests.evidence.cells import NOT_OFFERED
from tests.evidence.environments import (
    Interpreter,
    NotInstalled,
    UvError,
    Wanted,
    build,
    here,
    keep,
)
from tests.evidence.jobs import Job, job
from tests.evidence.kept_output import keep_output, telling
from tests.evidence.plan import AXES, TRIALS, Cell, Choice
from tests.evidence.rules import FORKING
from tests.evidence.trials import (
    FORK_SUPPORT,
    RECORDS,
    ROOT,
    Process,
    Trial,
    all_trials,
    append_trials,
    drop_trials_of_other_texts,
    recipe_files,
    recipe_path,
    sha256,
)
from tests.runner import (
    START_METHODS,
    Command,
    ForkRunner,
    InterpreterRunner,
    Run,
    Runner,
    RunnerError,
    outcome_of_recipe,
)

if TYPE_CHECKING:
    from typing_extensions import Self

KEY_BITS = 2048
FORKED_KEY_BITS = 1024
"""Of a forked trial's service account key: IAM makes keys of both sizes.

A process that loads the larger one computes 34 ms for it, a third of a small program's time.
"""
RECIPE_DEADLINE = 60.0
HANG_DEADLINES = {"fork": 15.0, "spawn": 30.0, "forkserver": 30.0}
"""Seconds. What ends by itself does so well within the first; a twin that has not ended by the
second hangs, and is not waited for any longer. Workers that are not forked take longer to start.
"""
JOBS = os.cpu_count() or 1
"""More are faster where most trials wait; many of a program that computes miss its deadlines."""
FULL = 96.0
"""Percent of all processors' time."""
LOOK = 0.04
LONGER_LOOK = 0.5
"""Seconds, where all slots start at once: what the last one computes shows later."""
PATIENCE = 3
"""Seconds that a trial waits for idle processors: other work may never leave any."""
SAID = 1000
"""Characters of what a recipe that failed wrote."""
Place = tuple[Interpreter, str]
"""Where runs are forked: an interpreter with a value of GRPC_ENABLE_FORK_SUPPORT."""
Todo = tuple[Interpreter, Cell]
Tried = tuple[Trial, Run] | RunnerError


def deadline_of(cell: Cell) -> float:
    """Return the seconds after which a recipe or broken twin hangs."""
    twin = cell.file.endswith("_broken")
    return HANG_DEADLINES[cell.start_method] if twin else RECIPE_DEADLINE


def attempt(
    script: Path,
    work: Job,
    cell: Cell,
    local_iam: LocalIAM,
    runner: Runner,
) -> tuple[str, Run]:
    """Run a script with a job in the place of the cell's file; return what became of it."""
    unset = cell.fork_support == "unset"
    with work.prepared(local_iam):
        command = Command(
            script,
            work.argv,
            deadline=deadline_of(cell),
            until_stuck=True,
            start_method=cell.start_method,
            stdin=work.stdin,
            ahead=work.ahead,
            environment={
                **local_iam.environment,
                "GRPC_ENABLE_FORK_SUPPORT": None if unset else cell.fork_support,
            },
            cwd=ROOT,
            descriptors=work.descriptors,
        )
        run = runner.run(command)
    forks = cell.file.partition("/")[0] in FORKING
    return str(outcome_of_recipe(run, work.inputs, work.failing, forks=forks)), run


def try_once(
    cell: Cell, local_iam: LocalIAM, runner: Runner, interpreter: Interpreter | None = None
) -> tuple[Trial, Run]:
    """Run a recipe or broken twin once with its job, as a trial to store."""
    work = job(cell.file, local_iam.project, local_iam.service_accounts)
    outcome, run = attempt(recipe_path(cell.file), work, cell, local_iam, runner)
    process: Process = "new" if run.new_interpreter else "forked"
    trial = Trial(
        file=cell.file,
        sha256=sha256(cell.file),
        environment=(interpreter or here()).environment(cell.start_method, cell.fork_support),
        process=process,
        outcome=outcome,
        seconds=round(run.seconds, 2),
        date=now(),
    )
    return trial, run


def now() -> str:
    """Return the time in UTC, to the millisecond."""
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def missing(todo: Sequence[Todo], trials: int, stored: Iterable[Trial]) -> Iterator[Todo]:
    """Yield each trial that is not stored yet, one place after the other.

    At a place first one of every cell, then another: whoever changes places imports all anew.
    The cells are mixed: some compute all the time, others do nothing until their deadline.
    """
    done = Counter((trial.file, trial.sha256, trial.environment) for trial in stored)
    at_place: dict[Place, list[Todo]] = {}
    for interpreter, cell in todo:
        at_place.setdefault((interpreter, cell.fork_support), []).append((interpreter, cell))
    for each in at_place.values():
        lacking = {
            (interpreter, cell): trials
            - done[cell.file, sha256(cell.file), interpreter.environment(*cell[1:])]
            for interpreter, cell in each
        }
        Random(len(each)).shuffle(each)  # noqa: S311
        for number in range(trials):
            yield from (one for one in each if number < lacking[one])


class Shard(click.ParamType[tuple[int, int]]):
    """`3/20`: the third of twenty parts of the cells."""

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
@click.option("--axis", type=click.Choice(list(AXES)), help="Environments of the book's plan.")
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
@click.option("--trials", default=TRIALS, show_default=True, help="Trials of each cell.")
@click.option("--jobs", default=JOBS, show_default=True, help="Trials at a time.")
@click.option("--new-interpreter", is_flag=True, help="Fork no trial from an importing process.")
@click.option("--shard", type=Shard(), default="1/1", help="A part of the cells, such as 3/20.")
@click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=RECORDS,
    help="The folder to store the trials in.",
)
def main(
    recipe: tuple[str, ...],
    trials: int,
    jobs: int,
    new_interpreter: bool,
    shard: tuple[int, int],
    records: Path,
    **chosen: Any,
) -> None:
    """Run recipes and broken twins, and store each trial."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C does: what is under way ends
    choice = Choice(**chosen)
    planned = list(product(choice.environments, choice.cells(named(recipe))))
    planned = planned[shard[0] - 1 :: shard[1]]
    if not planned:
        raise click.UsageError("nothing to try: no environment or no variant fits all options")
    built = dict(installed(list(dict.fromkeys(wanted for wanted, _ in planned)), records))
    todo = [(found, cell) for wanted, cell in planned if (found := built.get(wanted))]
    failed = measure(todo, trials, jobs, records, forked=choice.elsewhere and not new_interpreter)
    if failed or None in built.values():
        sys.exit(
            f"{failed} trials failed, {[*built.values()].count(None)} environments were left out, "
            "see above; the same command tries them again"
        )


def measure(todo: Sequence[Todo], trials: int, jobs: int, records: Path, *, forked: bool) -> int:
    """Make and store what is missing of so many trials of each cell; return how many failed."""
    for file in {cell.file for _, cell in todo}:
        drop_trials_of_other_texts(file, records)
    lacking = list(missing(todo, trials, all_trials(records)))
    failed = 0
    for made in at_a_time(jobs, lacking, forked=forked):
        if isinstance(made, RunnerError):
            failed += 1
            click.echo(f"no trial: {made}", err=True)
        else:
            append_trials([made[0]], records)
            keep_output(*made)
            if failure := failure_of_recipe(*made):
                click.echo(failure, err=True)
    return failed


def failure_of_recipe(trial: Trial, run: Run) -> str | None:
    """Say what a recipe that failed wrote, which its trial does not store.

    Returns None where a release does not offer what it uses, and for a broken twin, which is to
    fail.
    """
    if trial.outcome in {"ok", *NOT_OFFERED} or trial.file.endswith("_broken"):
        return None
    its = trial.environment
    releases = f"grpcio {its.grpcio}, google-cloud-iam {its.google_cloud_iam}, Python {its.python}"
    said = shorten(telling(trial, run), SAID, placeholder=" ...")
    return f"{trial.file} was {trial.outcome} with {releases}: {said}"


def named(patterns: Iterable[str]) -> list[str]:
    """Return the files that the patterns name.

    Raises click.UsageError for a pattern that names none.
    """
    files = recipe_files()
    unknown = [it for it in patterns if not any(fnmatch(file, it) for file in files)]
    if unknown:
        raise click.UsageError(f"no such recipe: {', '.join(unknown)}; see recipes/")
    return [file for file in files if any(fnmatch(file, it) for it in patterns)]


def installed(
    environments: Sequence[Wanted | None], records: Path
) -> Iterator[tuple[Wanted | None, Interpreter | None]]:
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
        keep(wanted, built, records)
        if isinstance(built, NotInstalled):
            click.echo(f"{wanted.folder.name} cannot be installed: {built.reason}", err=True)
        else:
            yield wanted, built


class Slot:
    """One trial at a time, with a local IAM that no other trial uses; a context manager.

    The lock is for those who start: what computes most at a start, the imports, they do in turn.
    """

    def __init__(self, starting: threading.Lock, *, forked: bool) -> None:
        self._starting = starting
        self._forked = forked
        self._open = contextlib.ExitStack()
        bits = FORKED_KEY_BITS if forked else KEY_BITS
        self._local_iam = self._open.enter_context(LocalIAM(caller_key_bits=bits))
        self._place: Place | None = None
        self._runner: Runner | None = None

    def try_once(self, interpreter: Interpreter, cell: Cell) -> Tried:
        """Make a trial, in the process that imported the clients where it is forked."""
        self._local_iam.heal()
        try:
            place = interpreter, cell.fork_support
            with self._starting:
                wait_for_idle_processors(LOOK if place == self._place else LONGER_LOOK)
                runner = self._runner_at(place)
            return try_once(cell, self._local_iam, runner, interpreter)
        except RunnerError as error:
            self._leave()
            return error

    def _runner_at(self, place: Place) -> Runner:
        if self._runner is None or self._place != place:
            self._leave()
            interpreter, support = place
            variables = {} if support == "unset" else {"GRPC_ENABLE_FORK_SUPPORT": support}
            kind = ForkRunner if self._forked else InterpreterRunner
            self._runner = kind(interpreter.path, environment=variables)
            self._place = place
        return self._runner

    def _leave(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        self._open.close()


def wait_for_idle_processors(look: float) -> None:
    """Return when they are idle for a part of so many seconds, or when patience ends.

    Without it as many trials as there are jobs compute at once, and calls miss their deadlines.
    """
    until = time.monotonic() + PATIENCE
    while psutil.cpu_percent(look) > FULL and time.monotonic() < until:
        pass


def at_a_time(jobs: int, todo: Sequence[Todo], *, forked: bool) -> Iterator[Tried]:
    """Try the cells, so many at a time; whatever interrupts this ends the trials under way."""
    with contextlib.ExitStack() as stack:
        threads = ThreadPoolExecutor(jobs)
        stack.callback(threads.shutdown)
        idle: SimpleQueue[Slot] = SimpleQueue()
        starting = threading.Lock()
        for _ in range(min(jobs, len(todo))):
            idle.put(stack.enter_context(Slot(starting, forked=forked)))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)

        def try_in_an_idle_one(each: Todo) -> Tried:
            slot = idle.get()
            try:
                return slot.try_once(*each)
            finally:
                idle.put(slot)

        futures = [threads.submit(try_in_an_idle_one, each) for each in todo]
        for future in progress(as_completed(futures), len(todo), "trials"):
            yield future.result()


T = TypeVar("T")


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield each, with a bar of how many are done and how long the rest will take."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn(what), *columns) as bar:
        yield from bar.track(items, total)


if __name__ == "__main__":
    main()
