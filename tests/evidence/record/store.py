"""The record of a book: the stored trials of its programs, and the verdicts that follow from them.

It is an object that is handed to whoever counts or draws, so that two of them can be compared and
a test can make one of its own. Trials of another program or another job stay in the files as what
they are; they have no say in a verdict.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.book import BOOK, Book
from tests.evidence.jobs import job_of
from tests.evidence.record.environment import Environment, is_pinned
from tests.evidence.record.identity import program_of
from tests.evidence.record.not_installed import NotInstalledTable
from tests.evidence.record.trials import Trial, trials_table
from tests.evidence.record.verdicts import Verdict

EVIDENCE = Path(__file__).resolve().parents[1]
RECORDS = EVIDENCE / "records"
OUTPUTS = EVIDENCE / "outputs"
JOBS = "jobs.json"

Made = TypeVar("Made")


class Identity(NamedTuple):
    """What a verdict is of: a program and its job, each by the digits that name it."""

    program: str
    job: str


@dataclass(frozen=True)
class Record:
    """The trials that are stored in a folder, of the programs of a book."""

    folder: Path = RECORDS
    book: Book = BOOK
    _made: dict[tuple[str, Hashable], tuple[object, Any]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __reduce__(self) -> tuple[type["Record"], tuple[Path, Book]]:
        """Send where the trials are to another process, not all that was counted of them."""
        return Record, (self.folder, self.book)

    @property
    def outputs(self) -> Path:
        """Where it is kept what the broken twins of the stored trials wrote."""
        return OUTPUTS if self.folder == RECORDS else self.folder / "outputs"

    @cached_property
    def not_installed(self) -> NotInstalledTable:
        """What could not be installed."""
        return NotInstalledTable(self.folder)

    def path(self, file: str) -> Path:
        """Return where the trials of a file are."""
        return self.folder / f"{file}.csv"

    def paths(self) -> list[Path]:
        """List where there are trials."""
        return [self.path(file) for file in self.files()]

    def files(self) -> list[str]:
        """List each file that has trials, as a path below recipes/."""
        found = (path.relative_to(self.folder) for path in self.folder.glob("*/*.csv"))
        return sorted(path.with_suffix("").as_posix() for path in found)

    def identity(self, file: str) -> Identity:
        """Name today's program and job of a file."""
        return Identity(program_of(self.book.path(file)), job_of(file).name)

    def trials(self, file: str) -> tuple[Trial, ...]:
        """Return every stored trial of a file, of whichever program and job.

        Raises ValueError with the line's number where a line is not a trial.
        """
        return trials_table(file).read(self.path(file))

    def all_trials(self) -> tuple[Trial, ...]:
        """Return every stored trial of every file."""
        return tuple(trial for file in self.files() for trial in self.trials(file))

    def of_today(self, file: str) -> tuple[Trial, ...]:
        """Return the trials of today's program with today's job, in every environment."""
        wanted = self.identity(file)
        return tuple(trial for trial in self.trials(file) if (trial.program, trial.job) == wanted)

    def append(self, trials: Iterable[Trial]) -> None:
        """Add trials, and the description of each job that has none yet."""
        for trial in trials:
            trials_table(trial.file).append(self.path(trial.file), [trial])
            job = job_of(trial.file)
            if job.name == trial.job:
                self.describe({job.name: job.description})

    def drop_other_programs(self, file: str) -> None:
        """Forget the trials of what a recipe was before it was changed.

        Those of today's program with another job stay: they show what the job makes of it.
        """
        stored = self.trials(file)
        kept = [trial for trial in stored if trial.program == self.identity(file).program]
        if len(kept) < len(stored):
            trials_table(file).replace(self.path(file), kept)

    def jobs(self) -> dict[str, str]:
        """Return the description of each job that trials were made with, by its name."""
        file = self.folder / JOBS
        stored: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return stored

    def describe(self, jobs: Mapping[str, str]) -> None:
        """Add the descriptions of jobs, by their names."""
        described = self.jobs()
        if not jobs.items() <= described.items():
            complete = self.folder / f"{JOBS}.new"
            text = json.dumps({**described, **jobs}, indent=2, sort_keys=True)
            complete.write_text(f"{text}\n", "utf-8")
            complete.replace(self.folder / JOBS)

    def verdicts(self, file: str) -> dict[Environment, Verdict]:
        """Count the trials of today's program and job in each environment."""
        counted = self.made(file, "verdicts", lambda: _by_environment(file, self.of_today(file)))
        return dict(counted)

    def made(self, file: str, what: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is made of a file's trials, for its readers alone: nobody changes it.

        It is made again only where the program, its job or its trials have changed: many directives
        ask for the same.
        """
        state = (self.identity(file), id(self.trials(file)))
        known = self._made.get((file, what))
        if known is None or known[0] != state:
            known = self._made[file, what] = state, make()
        made: Made = known[1]
        return made

    def verdict(
        self, file: str, start_method: str | None = None, fork_support: str = "unset"
    ) -> Verdict:
        """Count the trials of today's program and job with the pinned releases.

        Raises LookupError with the command that makes the trials where there are none.
        """
        trials = tuple(
            trial
            for trial in self.of_today(file)
            if is_pinned(trial.environment)
            and start_method in (None, trial.environment.start_method)
            and fork_support == trial.environment.fork_support
        )
        if not trials:
            option = "" if fork_support == "unset" else f" --fork-support {fork_support}"
            command = f"python3 noxfile.py evidence -- --recipe {file}{option}"
            raise LookupError(f"no stored trial of today's recipes/{file}.py; run: {command}")
        return Verdict(file, trials)


def _by_environment(file: str, trials: Iterable[Trial]) -> dict[Environment, Verdict]:
    found: dict[Environment, list[Trial]] = defaultdict(list)
    for trial in trials:
        found[trial.environment].append(trial)
    return {environment: Verdict(file, tuple(these)) for environment, these in found.items()}


RECORD = Record()
"""That of this book."""
