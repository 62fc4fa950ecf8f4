"""Measure: run recipes and broken twins N trials each in this environment, and store what they did.

Every trial is stored as it ends; a command that was interrupted goes on where it stopped.
"""

import contextlib
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import Job, job, no_fault, start_methods
from tests.evidence.trials import (
    FORK_SUPPORT,
    OUTPUTS,
    ROOT,
    Environment,
    Trial,
    all_trials,
    append_trial,
    drop_trials_of_other_texts,
    recipe_files,
    recipe_path,
    sha256,
)
from tests.runner import START_METHODS, InterpreterRunner, Run, outcome_of_recipe

RECIPE_DEADLINE = 60.0
HANG_DEADLINES = {"fork": 15.0, "spawn": 30.0, "forkserver": 30.0}
"""Seconds. What ends by itself does so well within the first; a twin that has not ended by the
second hangs, and is not waited for any longer. Workers that are not forked take longer to start.
"""


class Cell(NamedTuple):
    """What a trial is to try: a file in one variant of this environment."""

    file: str
    start_method: str
    fork_support: str = "unset"


def deadline_of(cell: Cell) -> float:
    """Return the seconds after which a recipe or broken twin hangs."""
    twin = cell.file.endswith("_broken")
    return HANG_DEADLINES[cell.start_method] if twin else RECIPE_DEADLINE


def attempt(
    script: Path,
    work: Job,
    cell: Cell,
    local_iam: LocalIAM,
    runner: InterpreterRunner,
) -> tuple[str, Run]:
    """Run a script with a job in the place of the cell's file; return what became of it."""
    unset = cell.fork_support == "unset"
    work.fault(local_iam)
    try:
        run = runner.run(
            script,
            work.argv,
            deadline=deadline_of(cell),
            start_method=cell.start_method,
            stdin=work.stdin,
            environment={
                **local_iam.environment,
                "GRPC_ENABLE_FORK_SUPPORT": None if unset else cell.fork_support,
            },
            cwd=ROOT,
        )
    finally:
        if work.fault is not no_fault:
            local_iam.heal()
    return str(outcome_of_recipe(run, work.inputs)), run


def try_once(cell: Cell, local_iam: LocalIAM, runner: InterpreterRunner) -> tuple[Trial, Run]:
    """Run a recipe or broken twin once with its job, as a trial to store."""
    work = job(cell.file, local_iam.project, local_iam.service_accounts)
    outcome, run = attempt(recipe_path(cell.file), work, cell, local_iam, runner)
    trial = Trial(
        file=cell.file,
        sha256=sha256(cell.file),
        environment=Environment.here(cell.start_method, cell.fork_support),
        outcome=outcome,
        seconds=round(run.seconds, 2),
        date=datetime.now(timezone.utc).date().isoformat(),
    )
    return trial, run


def missing(cells: Iterable[Cell], trials: int, stored: Iterable[Trial]) -> Iterator[Cell]:
    """Yield the cell of each trial that is not yet stored for this environment."""
    done = Counter((trial.file, trial.sha256, trial.environment) for trial in stored)
    for cell in cells:
        environment = Environment.here(cell.start_method, cell.fork_support)
        yield from [cell] * (trials - done[cell.file, sha256(cell.file), environment])


def keep_output(trial: Trial, run: Run) -> None:
    """Keep what a broken twin printed when it failed, for its page."""
    if not trial.file.endswith("_broken") or trial.outcome == "ok":
        return
    variant = trial.environment.start_method
    if trial.environment.fork_support != "unset":
        variant += f".{trial.environment.fork_support}"
    output = OUTPUTS / f"{trial.file}.{variant}.txt"
    output.parent.mkdir(parents=True, exist_ok=True)
    text = stack_of_a_hang(run.stderr) if trial.outcome == "hang" else run.stderr
    output.write_text(without_this_machine(text), "utf-8")


def stack_of_a_hang(text: str) -> str:
    """Return what came before the stacks of a hang, and one of a main thread that waits.

    One that waits in a call of gRPC comes first, then one that waits in a recipe.
    """
    before, *stacks = re.split(r"^(?=(?:Current thread|Thread) 0x)", text, flags=re.MULTILINE)
    main = [stack for stack in stacks if stack.startswith("Current")]
    telling = [
        stack for frame in ("grpc/_channel.py", "recipes/") for stack in main if frame in stack
    ]
    return before + "".join(telling[:1])


def without_this_machine(text: str) -> str:
    """Shorten the paths of a traceback to those that each reader has, without the runner's."""
    paths = sysconfig.get_paths()
    for folder in (paths["purelib"], paths["platlib"], paths["stdlib"], str(ROOT)):
        text = text.replace(f"{folder}/", "")
    return re.sub(r'^ *File "tests/runner/.*\n', "", text, flags=re.MULTILINE)


@click.command()
@click.argument("files", nargs=-1)
@click.option("--trials", default=20, show_default=True, help="Trials of each file and variant.")
@click.option("--start-method", multiple=True, type=click.Choice(START_METHODS))
@click.option(
    "--fork-support",
    multiple=True,
    type=click.Choice(FORK_SUPPORT),
    default=["unset"],
    help="Values of GRPC_ENABLE_FORK_SUPPORT.",
)
@click.option("--jobs", default=2, show_default=True, help="Trials at a time.")
def main(
    files: tuple[str, ...],
    trials: int,
    start_method: tuple[str, ...],
    fork_support: tuple[str, ...],
    jobs: int,
) -> None:
    """Run FILES (paths below recipes/ without .py; all if none) and store their trials."""
    unknown = sorted(set(files) - set(recipe_files()))
    if unknown:
        raise click.UsageError(f"no such recipe: {', '.join(unknown)}; see recipes/")
    cells = [
        Cell(file, method, support)
        for file in files or recipe_files()
        for method in start_methods(file)
        if method in (start_method or START_METHODS)
        for support in fork_support
    ]
    for file in {cell.file for cell in cells}:
        drop_trials_of_other_texts(file)
    for trial, run in at_a_time(jobs, list(missing(cells, trials, all_trials()))):
        append_trial(trial)
        keep_output(trial, run)


def at_a_time(jobs: int, todo: list[Cell]) -> Iterator[tuple[Trial, Run]]:
    """Try the cells, so many at a time, each time with a local IAM that no other trial uses."""
    with contextlib.ExitStack() as stack:
        idle: SimpleQueue[tuple[LocalIAM, InterpreterRunner]] = SimpleQueue()
        for _ in range(min(jobs, len(todo))):
            local_iam = stack.enter_context(LocalIAM())
            idle.put((local_iam, stack.enter_context(InterpreterRunner())))

        def try_with_an_idle_one(cell: Cell) -> tuple[Trial, Run]:
            local_iam, runner = idle.get()
            local_iam.heal()
            try:
                return try_once(cell, local_iam, runner)
            finally:
                idle.put((local_iam, runner))

        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        stack.callback(threads.shutdown, cancel_futures=True)
        futures = {threads.submit(try_with_an_idle_one, cell): cell for cell in todo}
        for future in progress(as_completed(futures), len(todo)):
            yield future.result()


T = TypeVar("T")


def progress(items: Iterable[T], total: int) -> Iterator[T]:
    """Yield each, with a bar of how many are done and how long the rest will take."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        yield from bar.track(items, total)


if __name__ == "__main__":
    main()
