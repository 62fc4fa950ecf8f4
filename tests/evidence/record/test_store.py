"""The record: which trials have a say, and what follows from them."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.book import BOOK, Book, is_twin
from tests.evidence.jobs import job_of
from tests.evidence.record.store import OUTPUTS, RECORD, Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict
from tests.support.trials import TRIAL, of_today

FILE = TRIAL.file
TODAY = of_today(TRIAL)
OTHER_PROGRAM = replace(TODAY, program="0" * 12)
OTHER_JOB = replace(TODAY, job="0" * 12)


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Record:
    return Record(tmp_path)


def test_trials_come_back_as_they_were_added(record: Record) -> None:
    """Each file has a table of its own."""
    other = of_today(replace(TRIAL, file="processes/stop_pool", outcome="hang"))
    record.append([TODAY, other])
    record.append([TODAY])

    assert (TODAY, TODAY) == record.trials(FILE)
    assert (other, TODAY, TODAY) == record.all_trials()
    assert [other.file, FILE] == record.files()
    assert [record.path(file) for file in record.files()] == record.paths()


def test_only_trials_of_todays_program_and_job_have_a_say(record: Record) -> None:
    """Trials of another job stay what they are, and in the file."""
    record.append([OTHER_JOB, TODAY, OTHER_PROGRAM])

    assert (TODAY,) == record.of_today(FILE)
    assert (TODAY,) == record.verdict(FILE).trials
    assert {TODAY.environment: Verdict(FILE, (TODAY,))} == record.verdicts(FILE)
    assert 3 == len(record.trials(FILE))


def test_trials_of_another_program_are_dropped(record: Record) -> None:
    """When a recipe was changed those of today's program stay, whatever their job was."""
    record.append([OTHER_PROGRAM, TODAY, OTHER_JOB, OTHER_PROGRAM])
    record.drop_other_programs(FILE)

    assert (TODAY, OTHER_JOB) == record.trials(FILE)


def test_edit_of_prose_keeps_the_verdict_and_edit_of_code_does_not(tmp_path: Path) -> None:
    """A trial is one of a program, and not of a text."""
    record = Record(tmp_path / "records", Book(tmp_path))
    program = record.book.path(FILE)
    program.parent.mkdir(parents=True)
    program.write_text(text := BOOK.path(FILE).read_text("utf-8"), "utf-8")
    record.append([of_today(TRIAL, record)])

    program.write_text(f"{text}\n# a comment\n", "utf-8")
    assert 1 == len(record.verdict(FILE).trials)
    program.write_text(f"{text}\nprint()\n", "utf-8")
    with pytest.raises(LookupError):
        record.verdict(FILE)


def test_verdict_that_is_missing_names_the_command_that_makes_it(record: Record) -> None:
    """With the setting that it was asked with."""
    record.append([OTHER_PROGRAM, OTHER_JOB])

    with pytest.raises(
        LookupError, match=rf"run: python3 noxfile\.py evidence -- --recipe {FILE}$"
    ):
        record.verdict(FILE)
    with pytest.raises(LookupError, match=f"--recipe {FILE} --fork-support 0$"):
        record.verdict(FILE, fork_support="0")


def test_other_releases_have_no_say_in_what_the_tests_demand(record: Record) -> None:
    """A verdict counts the trials with the pinned releases alone, and the settings asked for."""
    others: list[dict[str, str]] = [
        {"grpcio": "1.41.1"},
        {"google_cloud_iam": "0.2.0"},
        {"fork_support": "1"},
    ]
    for change in others:
        record.append([replace(TODAY, environment=replace(TODAY.environment, **change))])
    spawned = replace(TODAY, environment=replace(TODAY.environment, start_method="spawn"))
    record.append([TODAY, spawned])

    assert (TODAY, spawned) == record.verdict(FILE).trials
    assert (TODAY,) == record.verdict(FILE, "fork").trials
    assert 1 == len(record.verdict(FILE, "fork", "1").trials)


def test_new_trials_are_counted_at_once(record: Record) -> None:
    """What was counted once is counted again as soon as the record has grown."""
    lost = replace(TODAY, outcome="lost")
    counts = [record.verdicts(FILE)]
    for trial in (TODAY, lost):
        record.append([trial])
        counts.append(record.verdicts(FILE))

    assert [
        {},
        {TRIAL.environment: Verdict(FILE, (TODAY,))},
        {TRIAL.environment: Verdict(FILE, (TODAY, lost))},
    ] == counts


def test_verdicts_are_counted_once_for_all_who_ask(record: Record) -> None:
    """Nobody's changes to what he was given are seen by others."""
    record.append([TODAY])
    first = record.verdicts(FILE)
    (verdict,) = first.values()
    first.clear()

    assert verdict is record.verdicts(FILE)[TODAY.environment]


def test_records_do_not_mix(tmp_path: Path) -> None:
    """Two of them can be compared."""
    one, other = Record(tmp_path / "one"), Record(tmp_path / "other")
    one.append([TODAY])

    assert (TODAY,) == one.trials(FILE)
    assert () == other.trials(FILE)
    assert {} == other.verdicts(FILE)


def test_job_is_described_where_its_trials_are(record: Record) -> None:
    """Whoever finds a job's name there finds what it was; one of before is left as it was."""
    record.describe({"0" * 12: "another job"})
    record.append([TODAY, OTHER_JOB])

    job = job_of(FILE)
    assert {"0" * 12: "another job", job.name: job.description} == record.jobs()


def test_outputs_of_the_books_twins_are_those_of_the_book(record: Record) -> None:
    """Another record keeps its own beside its trials."""
    assert OUTPUTS == RECORD.outputs
    assert record.folder / "outputs" == record.outputs
    assert [] == record.files()


def test_stored_trials_are_valid() -> None:
    """Every line of the record is a trial, of a file that there is, and there are some."""
    assert RECORD.all_trials()
    assert [] == sorted({*RECORD.files()} - {*BOOK.files()})


def test_job_of_every_stored_trial_is_described() -> None:
    """By the name that the trial has."""
    named = {trial.job for trial in RECORD.all_trials()}

    assert named == {*RECORD.jobs()} & named
    assert {
        job.name: job.description for job in map(job_of, BOOK.files()) if job.name in named
    } == {
        name: text
        for name, text in RECORD.jobs().items()
        if name in {job.name for job in map(job_of, BOOK.files())} & named
    }


RARE = {"event_loops/one_client_per_loop": 1}
"""Failures of recipes whose cause is not known; the page of what we could not show lists them."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(*BOOK.files()))
def test_every_file_has_a_verdict(file: str, start_method: str) -> None:
    """A recipe was ok in each stored trial but known ones; a twin was not in most of them."""
    stored = RECORD.verdict(file, start_method)

    assert len(stored.trials) >= 20
    if is_twin(file):
        assert stored.failures > len(stored.trials) / 2
    else:
        assert stored.failures <= RARE.get(file, 0)


def test_load_is_stored_where_somebody_looked(record: Record) -> None:
    """None is not the same as an idle machine."""
    trials: list[Trial] = [replace(TODAY, load=load) for load in (None, 0.0, 3.5)]
    record.append(trials)

    assert [None, 0.0, 3.5] == [trial.load for trial in record.trials(FILE)]
