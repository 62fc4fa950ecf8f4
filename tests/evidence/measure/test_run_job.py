"""A program is run with its job, in one way for all who run it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, CHAPTERS, Book, Chapter, Rule
from tests.evidence.jobs import Job, job_of
from tests.evidence.measure import cook
from tests.evidence.measure.command import Measurement, measure
from tests.evidence.measure.run_job import VARIABLE, run_job
from tests.evidence.record.cells import axis, kind, strips
from tests.evidence.record.environment import minor
from tests.evidence.record.limits import deadline_of
from tests.evidence.record.plan import FEW, Choice
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import contradiction
from tests.runner import Command, InterpreterRunner, Outcome, Run, Runner
from tests.support.trials import idle

RECIPE = '''\
"""Mint an access token for each service account."""

import sys

from google.cloud import iam_credentials_v1

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def main() -> None:
    client = iam_credentials_v1.IAMCredentialsClient()
    for email in sys.stdin.read().split():
        name = f"projects/-/serviceAccounts/{email}"
        response = client.generate_access_token(name=name, scope=[SCOPE], timeout=10)
        print(email, response.expire_time, sep="\\t")


if __name__ == "__main__":
    main()
'''
NAME, TWIN = "made_up/mint_tokens", "made_up/mint_tokens_broken"


@pytest.fixture(name="book")
def _book(tmp_path: Path) -> Book:
    """Make a book with a chapter more, which has one rule."""
    chapter = Chapter("made_up", "Made up", start_methods=("fork", "spawn"))
    book = Book(tmp_path / "book", (*CHAPTERS, chapter))
    book.path(NAME).parent.mkdir(parents=True)
    book.path(NAME).write_text(RECIPE, "utf-8")
    book.path(TWIN).write_text(RECIPE.replace(".split():", ".split()[1:]:"), "utf-8")
    book.page(NAME).parent.mkdir(parents=True)
    book.page(NAME).write_text("# Minting tokens\n", "utf-8")
    return book


def test_chapter_that_is_declared_is_all_that_a_chapter_needs(book: Book) -> None:
    """Its files, its rule, its start methods and its page are found; so is its job."""
    assert [NAME, TWIN] == book.files()
    assert [Rule(NAME, TWIN)] == book.rules() == book.rules("made_up")
    assert [(NAME, "fork"), (NAME, "spawn")] == book.variants(NAME)
    assert "Minting tokens" == book.title(NAME)
    assert Job() == job_of(NAME) == job_of(TWIN)


def test_trials_of_a_new_chapter_are_measured_counted_and_compared(
    tmp_path: Path, book: Book
) -> None:
    """From a real run to its verdict and its strip, with nothing declared elsewhere."""
    record = Record(tmp_path / "records", book)
    measurement = Measurement(record, jobs=2, trials=FEW, forked=False, load=idle)
    measure(Choice(), [NAME, TWIN], measurement)
    python = minor(record.trials(NAME)[0].environment.python)
    seen = {
        file: (kind(verdict), verdict.outcomes)
        for file in (NAME, TWIN)
        if (verdict := record.verdict(file, "spawn"))
    }

    assert {NAME: ("held", {"ok": FEW}), TWIN: ("failed", {"lost": FEW})} == seen
    assert [(python, record.verdict(NAME, "fork"))] == [
        cell for cell in axis(record, NAME, "python") if cell[1]
    ]
    assert [NAME, TWIN] == [*strips(record, "grpcio")]
    assert {Job().name: Job().description} == record.jobs()
    assert contradiction(record.verdict(NAME), ["lost"]) is not None
    assert ["", ""] == [
        (record.outputs / f"{TWIN}.{method}.txt").read_text() for method in ("fork", "spawn")
    ]


class Asked(Runner):
    """Notes what a run is asked for, and is ok."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def run(self, command: Command) -> Run:
        """Note it."""
        self.settings = vars(command)
        return Run(command.script, Outcome("ok"), "", "", 1.0)


@pytest.mark.parametrize("file", ["threads/share_one_client", "threads/bound_backlog_broken"])
def test_run_has_all_of_its_job(local_iam: LocalIAM, file: str) -> None:
    """Its inputs, its arguments and its limits, in the book's root, until the file's deadline."""
    asked = Asked()
    run_job(file, local_iam, asked, start_method="fork")
    job = job_of(file)
    work = job.work(local_iam.project, local_iam.service_accounts)

    assert {
        "script": BOOK.path(file),
        "argv": work.argv,
        "stdin": work.stdin,
        "ahead": job.ahead,
        "descriptors": job.descriptors,
        "deadline": deadline_of(file, "fork"),
        "until_stuck": True,
        "start_method": "fork",
        "environment": local_iam.environment,
        "cwd": BOOK.root,
        "record_prints": False,
    } == asked.settings


@pytest.mark.parametrize(
    ("support", "variables"), [("unset", {VARIABLE: None}), ("0", {VARIABLE: "0"}), (None, {})]
)
def test_fork_support_is_a_variable_of_the_run(
    local_iam: LocalIAM, support: str | None, variables: dict[str, str | None]
) -> None:
    """Unset is not the same as whatever is set here."""
    asked = Asked()
    run_job("threads/use_rest", local_iam, asked, fork_support=support, variables={"A": "b"})

    assert {**local_iam.environment, "A": "b", **variables} == asked.settings["environment"]


def test_run_may_be_of_another_program_with_other_words_and_time(
    local_iam: LocalIAM, tmp_path: Path
) -> None:
    """What a test changes is what it changes."""
    asked = Asked()
    program = tmp_path / "other.py"
    run_job("threads/use_rest", local_iam, asked, program=program, argv=("a",), deadline=7.0)

    assert (program, ("a",), 7.0) == tuple(
        asked.settings[name] for name in ("script", "argv", "deadline")
    )


def test_fault_of_a_job_ends_with_the_run(
    local_iam: LocalIAM, recipe_runner: InterpreterRunner
) -> None:
    """The run meets it, and the next run does not."""
    quota = "threads/respect_quota"
    assert job_of(quota).faults
    first = run_job(f"{quota}_broken", local_iam, recipe_runner)
    then = run_job("threads/use_futures", local_iam, recipe_runner)

    assert "ok" != first.outcome
    assert "ok" == then.outcome


def test_first_process_that_dies_has_crashed_the_parent_where_the_chapter_forks(
    local_iam: LocalIAM,
) -> None:
    """Elsewhere there is no other process that could have crashed."""

    class Crashing(Asked):
        def run(self, command: Command) -> Run:
            return replace(super().run(command), outcome=Outcome("crash", "SIGABRT"))

    assert ["parent crash SIGABRT", "crash SIGABRT"] == [
        run_job(file, local_iam, Crashing()).outcome
        for file in ("processes/stop_pool", "threads/use_rest")
    ]


def test_cook_shows_what_a_run_wrote() -> None:
    """It has its job, or the arguments that were typed."""
    result = CliRunner().invoke(cook.main, ["recipes/threads/use_futures.py"])

    assert (0, 20) == (result.exit_code, result.stdout.count("valid until")), result.output
    assert 2 == CliRunner().invoke(cook.main, ["threads/no_such_recipe"]).exit_code


def test_cook_says_what_became_of_a_run_that_failed() -> None:
    """What it wrote comes first."""
    result = CliRunner().invoke(cook.main, ["threads/keep_every_result_broken"])

    assert 1 == result.exit_code
    assert "threads/keep_every_result_broken: " in result.output.splitlines()[-1]
