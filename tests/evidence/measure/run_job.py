"""Runs a program with its job, once: for a test, for a reader who cooks, and for the record.

There is one way to run a job, so that what a test sees is what a trial saw.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, Book
from tests.evidence.jobs import job_of
from tests.evidence.record.limits import deadline_of
from tests.runner import Command, Run, Runner, outcome_of_recipe

VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"


class Done(NamedTuple):
    """What became of a run, in the book's words, and the run."""

    outcome: str
    run: Run


def run_job(
    file: str,
    local_iam: LocalIAM,
    runner: Runner,
    *,
    start_method: str | None = None,
    fork_support: str | None = None,
    program: Path | None = None,
    argv: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    deadline: float | None = None,
    faults: bool = True,
    book: Book = BOOK,
) -> Done:
    """Run a recipe or broken twin with its job: its inputs, faults and limits.

    Without a start method it runs as `python FILE` would. `fork_support` is the value of
    GRPC_ENABLE_FORK_SUPPORT, `unset` for none; without it the variable is as it is here.
    `program` is run in the place of the file, `argv` given in the place of the job's, `variables`
    are set beside those of the local IAM, and `deadline` in seconds is not that of the file.
    Without `faults` the local IAM is as it is, and the job's faults are left out.
    RunnerError means that the runner failed, not the program.
    """
    job = job_of(file) if faults else job_of(file).alone
    work = job.work(local_iam.project, local_iam.service_accounts)
    environment: dict[str, str | None] = {**local_iam.environment, **(variables or {})}
    if fork_support is not None:
        environment[VARIABLE] = None if fork_support == "unset" else fork_support
    path = program or book.path(file)
    command = Command(
        path,
        argv or work.argv,
        deadline=deadline or deadline_of(file, start_method),
        until_stuck=True,
        start_method=start_method,
        stdin=work.stdin,
        ahead=job.ahead,
        environment=environment,
        cwd=book.root,
        descriptors=job.descriptors,
    )
    with job.prepared(local_iam):
        run = runner.run(command)
    outcome = outcome_of_recipe(run, work.inputs, work.failing, forks=book.chapter(file).forks)
    return Done(str(outcome), run)
