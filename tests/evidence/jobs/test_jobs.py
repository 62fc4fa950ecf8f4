"""Jobs: what a program is run with, how that is named, and what a run meets of it."""

import shlex
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.evidence.jobs import Job, job_of
from tests.evidence.jobs.base import (
    LARGE,
    NUMBER_OF_ACCOUNTS,
    Accounts,
    Fault,
    Files,
    Lines,
    Names,
    fault,
)
from tests.evidence.jobs.busy import BUSY_SECONDS
from tests.evidence.record.store import RECORD

PROJECT = "a-project"
EMAILS = [f"sa-{number}@{PROJECT}.iam.gserviceaccount.com" for number in range(7)]
BUSY = (
    "processes/create_in_executor_worker",
    "processes/create_in_pool_worker",
    "processes/create_in_process",
    "processes/create_on_first_use",
    "processes/fork_directly",
    "processes/list_first_then_fork",
    "safeguards/fork_while_calling",
    "safeguards/refuse_inherited_client",
)
"""Whose broken twins fork while eight threads call without a pause, until the deadline."""
FULL = Job(
    inputs=Files(("a", "b"), small=3, large=True),
    argv=("{account}", "1"),
    faults=(fault("slow", 0.2, method="sign_blob"), fault("far", 0.05)),
    later=(5.0, fault("slow", 2)),
    ahead=8,
    descriptors=16,
)
"""Has something in every part."""


@dataclass
class Told:
    """Does what a fault can be told to a local IAM, and remembers in which order."""

    came: list[str] = field(default_factory=list)
    both: threading.Event = field(default_factory=threading.Event)

    def slow(self, value: float) -> None:
        """Remember it."""
        self.came.append(f"slow {value:g}")

    def far(self, value: float) -> None:
        """Remember it, as the last that comes."""
        self.came.append(f"far {value:g}")
        self.both.set()

    def heal(self) -> None:
        """Remember it."""
        self.came.append("healed")


def test_later_fault_comes_while_the_run_lasts() -> None:
    """It comes after the first one, and when the run has ended all is well again."""
    told = Told()
    job = Job(faults=(fault("slow", 0.2),), later=(0.0, fault("far", 1)))
    with job.prepared(told):  # type: ignore[arg-type]
        assert told.both.wait(10)

    assert ["slow 0.2", "far 1", "healed"] == told.came


def test_run_that_ends_before_a_later_fault_does_not_meet_it(local_iam: LocalIAM) -> None:
    """Nobody waits for it, and it does not come to the next run."""
    started = time.monotonic()
    with Job(later=(90.0, fault("slow", 600))).prepared(local_iam):
        pass

    assert time.monotonic() - started < 60
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]


def test_job_without_a_fault_leaves_the_service_as_it_was() -> None:
    """What somebody else has told it stays."""
    told = Told()
    with Job().prepared(told):  # type: ignore[arg-type]
        pass

    assert [] == told.came


@pytest.mark.parametrize("file", BOOK.files())
def test_every_fault_is_one_that_the_local_iam_knows(local_iam: LocalIAM, file: str) -> None:
    """With the options that it takes."""
    job = job_of(file)
    for each in (*job.faults, *([job.later[1]] if job.later else [])):
        each.make(local_iam)
    local_iam.heal()


def test_busy_parents_meet_a_slower_service_later() -> None:
    """All of them do, recipe and twin, and no other program does."""
    found = {file: job.later[0] for file in BOOK.files() if (job := job_of(file)).later}

    twins = [f"{file}_broken" for file in BUSY]
    assert dict.fromkeys([*BUSY, *twins], BUSY_SECONDS) == found


@pytest.mark.parametrize("rule", BOOK.rules(), ids=lambda rule: rule.recipe)
def test_job_of_a_twin_is_that_of_its_recipe(rule: Any) -> None:
    """They differ in the broken rule, and in nothing else."""
    assert {job_of(rule.recipe).name} == {job_of(file).name for file in rule.files}


def test_every_job_is_of_a_recipe_that_there_is() -> None:
    """A job that nobody does is a name that was mistyped, and its recipe then has another."""
    named = {
        f"{chapter.name}/{recipe}"
        for chapter in BOOK.chapters
        for recipe in import_module(f"tests.evidence.jobs.{chapter.name}").JOBS
    }

    assert set() == named - {rule.recipe for rule in BOOK.rules()}


def test_program_that_is_not_named_reads_service_accounts() -> None:
    """So does one of a chapter without jobs of its own."""
    work = job_of("made_up/recipe").work(PROJECT, EMAILS)

    assert Job() == job_of("made_up/recipe") == job_of("processes/preload_forkserver")
    assert (tuple(EMAILS), (), "\n".join(EMAILS), ()) == work


LISTS = {"argv", "faults", "of_checkout", "options", "words"}
"""Parts that may be shorter or longer."""


def changed(value: Any, part: str = "") -> Iterator[Any]:
    """Yield a value with a change of each of its parts, one at a time."""
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            for other in changed(getattr(value, each.name), each.name):
                yield replace(value, **{each.name: other})
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            for other in changed(item):
                yield (*value[:place], other, *value[place + 1 :])
        if part in LISTS and value:
            yield value[:-1]
            yield (*value, value[-1])
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, float | int):
        yield value + 1
        yield value + 1e-9
    elif isinstance(value, str):
        yield f"{value}-other"
    elif value is None:
        yield 0


@pytest.mark.parametrize(
    "job",
    [
        FULL,
        Job(),
        Job(Accounts("deleted")),
        Job(Lines(7)),
        Job(Names("roles", ("roles/a", "roles/b"))),
        *dict.fromkeys(job_of(file) for file in BOOK.files()),
    ],
    ids=lambda job: job.name,
)
def test_jobs_that_differ_in_one_thing_have_different_names(job: Job) -> None:
    """Whatever a program could notice is in the name."""
    others = [*changed(job)]
    names = [job.name, *(other.name for other in others)]

    assert len({job, *others}) == len({*names})


def test_every_part_of_a_job_is_in_its_name() -> None:
    """The test above changes each part, so that a new one is not forgotten."""
    assert {part.name for part in fields(Job)} == {
        part.name
        for other in changed(FULL)
        for part in fields(Job)
        if getattr(other, part.name) != getattr(FULL, part.name)
    }


def test_words_do_not_read_alike() -> None:
    """One argument with a blank is not two, and none is not an empty one."""
    argv: list[tuple[str, ...]] = [("a b",), ("a", "b"), ("'a b'",), ("a",), ("a", ""), ()]

    assert len(argv) == len({Job(argv=words).name for words in argv})
    assert len(argv) == len({Job(Files(words)).name for words in argv})
    assert len(argv) == len({Job(Names("roles", words)).name for words in argv})


def test_nothing_is_not_unlimited() -> None:
    """A limit of none at all is a limit."""
    assert 3 == len({Job().name, Job(ahead=0).name, Job(descriptors=0).name})


def test_description_is_what_a_reader_finds_beside_the_trials() -> None:
    """It names all that is not as in the plainest job."""
    assert "inputs: accounts; stdin: yes" == Job().description
    assert (
        f"inputs: a file of {LARGE} bytes, files of the checkout a b, 3 small files; "
        "argv: {account} 1; stdin: yes; faults: slow(0.2, method=sign_blob), far(0.05); "
        "later: slow(2) after 5 s; ahead: 8; descriptors: 16"
    ) == FULL.description


def test_description_says_nothing_of_this_machine() -> None:
    """Two machines make trials of one job."""
    texts = " ".join(job_of(file).description for file in BOOK.files())

    assert str(ROOT) not in texts
    assert "/tmp" not in texts  # noqa: S108
    assert {"/dev/null"} == {
        word for word in shlex.split(texts.replace(";", " ")) if Path(word).is_absolute()
    }


def test_names_of_today_are_those_of_the_record() -> None:
    """A job of which trials are stored is described there word by word."""
    described = RECORD.jobs()
    today = {job.name: job.description for job in map(job_of, BOOK.files())}

    assert {name: today[name] for name in described if name in today} == {
        name: text for name, text in described.items() if name in today
    }


def test_local_iam_has_as_many_accounts_as_jobs_count_with(local_iam: LocalIAM) -> None:
    """A quota for half of them would be another job with more."""
    assert NUMBER_OF_ACCOUNTS == len(local_iam.service_accounts)


def test_words_of_a_job_stand_for_what_a_local_iam_has() -> None:
    """Its project, its first account, and all inputs."""
    work = Job(argv=("-x", "{project}", "{account}", "{inputs}"), stdin=False).work(PROJECT, EMAILS)

    assert ("-x", PROJECT, EMAILS[0], *EMAILS) == work.argv
    assert ("", ()) == (work.stdin, work.failing)


def test_deleted_account_is_among_the_others_and_must_fail() -> None:
    """It is on the input, and no answer is expected for it."""
    work = Job(Accounts(deleted="gone")).work(PROJECT, EMAILS)
    gone = f"gone@{PROJECT}.iam.gserviceaccount.com"

    assert tuple(EMAILS) == work.inputs
    assert [*EMAILS[:5], gone, *EMAILS[5:]] == work.stdin.split("\n")
    assert (gone,) == work.failing


def test_files_are_made_where_there_are_none() -> None:
    """They are the same each time, and the large one takes no room."""
    inputs = Files(("README.md",), small=3, large=True).resolve(PROJECT, EMAILS)
    large, checkout, *small = map(Path, inputs)
    texts = [path.read_bytes() for path in small]
    small[0].write_bytes(b"half")

    assert inputs == Files(("README.md",), small=3, large=True).resolve(PROJECT, EMAILS)
    assert texts == [path.read_bytes() for path in small]
    assert 3 == len({*texts})
    assert (LARGE, 0) == (large.stat().st_size, large.stat().st_blocks)
    assert checkout == Path("README.md")


def test_files_of_the_checkout_are_there() -> None:
    """A job names those that a program is to read."""
    found = {
        name
        for file in BOOK.files()
        if isinstance(inputs := job_of(file).inputs, Files)
        for name in inputs.of_checkout
    }

    assert found
    assert [] == [name for name in found if not (ROOT / name).is_file()]


def test_fault_of_a_local_iam_is_told_with_its_options(local_iam: LocalIAM) -> None:
    """One that it does not know is an error."""
    fault("slow", 0.01, method="sign_blob").make(local_iam)

    with pytest.raises(AttributeError, match="no_such_fault"):
        Fault("no_such_fault", 1).make(local_iam)
    local_iam.heal()
