"""Trials: the plain records of what each run of a recipe or broken twin did, a table each."""

import csv
import hashlib
import io
import json
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from jsonschema import Draft202012Validator, ValidationError

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
OUTPUTS = Path(__file__).with_name("outputs")
RECORDS = Path(__file__).with_name("records")
FORK_SUPPORT = ("unset", "0", "1")
"""What GRPC_ENABLE_FORK_SUPPORT may be; gRPC reads it when it is imported and started."""
STATED = json.loads(Path(__file__).with_name("trials.schema.json").read_text("utf-8"))
SCHEMA = Draft202012Validator(STATED)
PROPERTIES = {name: Draft202012Validator(it) for name, it in STATED["properties"].items()}
Process = Literal["new", "forked"]


@dataclass(frozen=True)
class Environment:
    """What a trial ran in; two trials of equal environments may be counted together."""

    python: str
    grpcio: str
    google_cloud_iam: str
    start_method: str
    fork_support: str
    system: str

    @classmethod
    def here(cls, start_method: str, fork_support: str = "unset") -> "Environment":
        """Describe this interpreter and its packages, for a run with these two settings."""
        return cls(
            python=platform.python_version(),
            grpcio=version("grpcio"),
            google_cloud_iam=version("google-cloud-iam"),
            start_method=start_method,
            fork_support=fork_support,
            system=platform.system(),
        )


@dataclass(frozen=True)
class Trial:
    """One run of `file` (a path below recipes/ without suffix), `seconds` long.

    `process` is a new interpreter, or a fork of one that had imported the clients.
    `date` is when it ended, to the millisecond since trials are merged: no two trials are equal.
    """

    file: str
    sha256: str
    environment: Environment
    process: Process
    outcome: str
    seconds: float
    date: str


COLUMNS = (
    "sha256",
    *(field.name for field in fields(Environment)),
    *("process", "outcome", "seconds", "date"),
)
SETTINGS = slice(1, 1 + len(fields(Environment)))


def recipe_path(file: str) -> Path:
    return RECIPES / f"{file}.py"


def sha256(file: str) -> str:
    """Return the first digits of the hash of a file's bytes, which name its text."""
    return hashlib.sha256(recipe_path(file).read_bytes()).hexdigest()[:12]


def recipe_files() -> list[str]:
    """List every recipe and broken twin that has a verdict, as paths below recipes/."""
    found = (path.relative_to(RECIPES).with_suffix("") for path in RECIPES.glob("*/*.py"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "testing")


def record_of(file: str, records: Path = RECORDS) -> Path:
    return records / f"{file}.csv"


def recorded_files(records: Path = RECORDS) -> list[str]:
    """List each file that has a record, as a path below recipes/."""
    found = (path.relative_to(records).with_suffix("") for path in records.glob("*/*.csv"))
    return sorted(path.as_posix() for path in found)


def read_trials(file: str, records: Path = RECORDS) -> tuple[Trial, ...]:
    """Return every trial of a file; none where it has no record.

    Raises ValueError with the line's number where a line is not a trial.
    """
    record = record_of(file, records)
    return _trials(file, record.read_text("utf-8") if record.exists() else "")


def all_trials(records: Path = RECORDS) -> tuple[Trial, ...]:
    """Return every trial of every record."""
    return tuple(trial for file in recorded_files(records) for trial in read_trials(file, records))


@cache
def _trials(file: str, text: str) -> tuple[Trial, ...]:
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, COLUMNS)) != COLUMNS:
        raise ValueError(f"{file}.csv:1 does not name the columns {','.join(COLUMNS)}")
    return tuple(_trial(file, f"{file}.csv:{number}", row) for number, row in enumerate(rows, 2))


def _trial(file: str, place: str, row: list[str]) -> Trial:
    try:
        digest, *_, process, outcome, seconds, date = row
        _check((file, *row[:-2], "0", date[:10] + re.sub("[0-9]", "0", date[10:])))
        _check_seconds(seconds)
    except (ValueError, ValidationError) as error:
        raise ValueError(f"{place} is not a trial: {error}") from error
    environment = _environment(*row[SETTINGS])
    return Trial(file, digest, environment, process, outcome, float(seconds), date)  # type: ignore[arg-type]


@cache
def _environment(*settings: str) -> Environment:
    """Return one object for equal environments, of which there are far fewer than of trials."""
    return Environment(*settings)


@cache
def _check(row: tuple[str, ...]) -> None:
    """Check a trial but for its seconds and its time of the day, in which alone many differ."""
    names = ("file", *COLUMNS)
    if len(row) != len(names):
        raise ValueError(f"{len(row) - 1} columns, not {len(COLUMNS)}")
    for name, value in zip(names, row, strict=True):
        if name != "seconds":
            _check_value(name, value)


@cache
def _check_value(name: str, value: str) -> None:
    """Check one column: of its values there are few, of their combinations many."""
    PROPERTIES[name].validate(value)


@cache
def _check_seconds(text: str) -> None:
    if not 0 <= float(text) < float("inf"):
        raise ValueError(f"{text} is no number of seconds")


def text_of(trial: Trial) -> str:
    """Return the trial's line of the record."""
    line = io.StringIO()
    row = (trial.sha256, *astuple(trial.environment), trial.process, trial.outcome)
    csv.writer(line, lineterminator="\n").writerow((*row, trial.seconds, trial.date))
    return line.getvalue()


def drop_trials_of_other_texts(file: str, records: Path = RECORDS) -> None:
    """Forget the trials of what a recipe was before it was changed; they have no say any more."""
    stored = read_trials(file, records)
    kept = [trial for trial in stored if trial.sha256 == sha256(file)]
    if len(kept) < len(stored):
        complete = record_of(file, records).with_suffix(".new")
        complete.write_text(_header() + "".join(map(text_of, kept)), "utf-8")
        complete.replace(record_of(file, records))


def append_trials(trials: Iterable[Trial], records: Path = RECORDS) -> None:
    """Add trials, each in one write: an interruption loses no trial and leaves no half line."""
    for trial in trials:
        data = asdict(trial)
        SCHEMA.validate({**data.pop("environment"), **data})
        record = record_of(trial.file, records)
        record.parent.mkdir(parents=True, exist_ok=True)
        with record.open("a", encoding="utf-8") as lines:
            lines.write(("" if lines.tell() else _header()) + text_of(trial))


def _header() -> str:
    return ",".join(COLUMNS) + "\n"
