"""Measure: run recipes and broken twins N trials each in this environment, and store what they did.

Every trial is stored as it ends; a command that was interrupted goes on where it stopped.
"""

import contextlib
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import Job, job
from tests.evidence.trials import (
    OUTPUTS,
    ROOT,
    Environment,
    Trial,
    append_trial,
    read_trials,
    recipe_files,
    recipe_path,
    sha256,
)
from tests.runner import START_METHODS, InterpreterRunner, Run, outcome_of_recipe

RECIPE_DEADLINE = 60.0
HANG_DEADLINE = 15.0
"""Seconds. What ends by itself does so well within the first; under fork a twin that has not
ended by the second hangs, and is not waited for any longer.
"""


def attempt(
    script: Path,
    work: Job,
    start_method: str,
    local_iam: LocalIAM,
    runner: InterpreterRunner,
    deadline: float = RECIPE_DEADLINE,
) -> tuple[str, Run]:
    """Run a script once with a job; return its outcome and all that it did."""
    run = runner.run(
        script,
        work.argv,
        deadline=deadline,
        start_method=start_method,
        stdin=work.stdin,
        environment=local_iam.environment,
        cwd=ROOT,
    )
    return str(outcome_of_recipe(run, work.inputs)), run


def try_once(
    file: str,
    start_method: str,
    local_iam: LocalIAM,
    runner: InterpreterRunner,
    deadline: float = RECIPE_DEADLINE,
) -> tuple[Trial, Run]:
    """Run a recipe or broken twin once with its job, as a trial to store."""
    work = job(file, local_iam.project, local_iam.service_accounts)
    outcome, run = attempt(recipe_path(file), work, start_method, local_iam, runner, deadline)
    trial = Trial(
        file=file,
        sha256=sha256(file),
        environment=Environment.here(start_method),
        outcome=outcome,
        seconds=round(run.seconds, 2),
        date=datetime.now(timezone.utc).date().isoformat(),
    )
    return trial, run


def deadline_of(file: str, start_method: str) -> float:
    """Return the seconds after which a file hangs: a twin does so under fork alone."""
    twin = file.endswith("_broken") and start_method == "fork"
    return HANG_DEADLINE if twin else RECIPE_DEADLINE


def missing(
    files: list[str], start_methods: list[str], trials: int, stored: Iterable[Trial]
) -> Iterator[tuple[str, str]]:
    """Yield file and start method of each trial that is not yet stored for this environment."""
    done = Counter((trial.file, trial.sha256, trial.environment) for trial in stored)
    for file in files:
        for start_method in start_methods:
            counted = done[file, sha256(file), Environment.here(start_method)]
            yield from [(file, start_method)] * (trials - counted)


def keep_output(trial: Trial, run: Run) -> None:
    """Keep what a broken twin printed when it failed, for its page."""
    if not trial.file.endswith("_broken") or trial.outcome == "ok":
        return
    output = OUTPUTS / f"{trial.file}.{trial.environment.start_method}.txt"
    output.parent.mkdir(parents=True, exist_ok=True)
    text = stack_of_a_worker(run.stderr) if trial.outcome == "hang" else run.stderr
    output.write_text(without_this_machine(text), "utf-8")


def stack_of_a_worker(text: str) -> str:
    """Return what came before the stacks of a hang, and the first one of a worker in a call."""
    before, *stacks = re.split(r"^(?=(?:Current thread|Thread) 0x)", text, flags=re.MULTILINE)
    frames = ("grpc/_channel.py", "multiprocessing/process.py")
    workers = [stack for stack in stacks if all(frame in stack for frame in frames)]
    return before + "".join(workers[:1])


def without_this_machine(text: str) -> str:
    """Shorten the paths of a traceback to those that each reader has, without the runner's."""
    paths = sysconfig.get_paths()
    for folder in (paths["purelib"], paths["platlib"], paths["stdlib"], str(ROOT)):
        text = text.replace(f"{folder}/", "")
    return re.sub(r'^ *File "tests/runner/.*\n', "", text, flags=re.MULTILINE)


@click.command()
@click.argument("files", nargs=-1)
@click.option("--trials", default=20, show_default=True, help="Trials of each file and method.")
@click.option("--start-method", multiple=True, type=click.Choice(START_METHODS))
def main(files: tuple[str, ...], trials: int, start_method: tuple[str, ...]) -> None:
    """Run FILES (paths below recipes/ without .py; all if none) and store their trials."""
    unknown = sorted(set(files) - set(recipe_files()))
    if unknown:
        raise click.UsageError(f"no such recipe: {', '.join(unknown)}; see recipes/")
    chosen = list(files) or recipe_files()
    todo = list(missing(chosen, list(start_method or START_METHODS), trials, read_trials()))
    with contextlib.ExitStack() as stack:
        local_iam = stack.enter_context(LocalIAM())
        runner = stack.enter_context(InterpreterRunner())
        for file, method in progress(todo):
            deadline = deadline_of(file, method)
            trial, run = try_once(file, method, local_iam, runner, deadline)
            append_trial(trial)
            keep_output(trial, run)


def progress(todo: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield each, with a bar of how many are done and how long the rest will take."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("trials", total=len(todo))
        for file, method in todo:
            bar.update(task, description=f"{file} ({method})")
            yield file, method
            bar.advance(task)


if __name__ == "__main__":
    main()
