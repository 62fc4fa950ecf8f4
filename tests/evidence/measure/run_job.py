"""Runs a program with its job, once: for a test, for a reader who cooks, and for the record.

There is one way to run a job, so that what a test sees is what a trial saw.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT, Book
from tests.evidence.jobs import job_of
from tests.evidence.record.limits import deadline_of
from tests.evidence.record.plan import Cell
from tests.runner import Run, Runner, outcome_of_recipe


class Done(NamedTuple):
    """What became of a run, in the book's words, and the run."""

    outcome: str
    run: Run


def run_job(
    cell: Cell,
    local_iam: LocalIAM,
    runner: Runner,
    *,
    program: Path | None = None,
    argv: Sequence[str] = (),
    variables: Mapping[str, str | None] | None = None,
    book: Book = BOOK,
) -> Done:
    """Run the program of a cell with its job: its inputs, faults and limits.

    `program` is run in the place of the cell's file, `argv` given in the place of the job's.
    `variables` are set beside those of the local IAM; None takes one away.
    RunnerError means that the runner failed, not the program.
    """
    job = job_of(cell.file)
    work = job.work(local_iam.project, local_iam.service_accounts)
    unset = cell.fork_support == "unset"
    with job.prepared(local_iam):
        run = runner.run(
            program or book.path(cell.file),
            argv or work.argv,
            deadline=deadline_of(cell),
            start_method=cell.start_method,
            stdin=work.stdin,
            ahead=job.ahead,
            environment={
                **local_iam.environment,
                "GRPC_ENABLE_FORK_SUPPORT": None if unset else cell.fork_support,
                **(variables or {}),
            },
            cwd=ROOT,
            descriptors=job.descriptors,
        )
    return Done(str(outcome_of_recipe(run, work.inputs, work.failing)), run)
