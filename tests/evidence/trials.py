"""Trials: the plain records of what each run of a recipe or broken twin did, a file each."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from jsonschema import Draft202012Validator, ValidationError

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
OUTPUTS = Path(__file__).with_name("outputs")
RECORDS = Path(__file__).with_name("records")
FORK_SUPPORT = ("unset", "0", "1")
"""What GRPC_ENABLE_FORK_SUPPORT may be; gRPC reads it when it is imported and started."""
SCHEMA = Draft202012Validator(
    json.loads(Path(__file__).with_name("trials.schema.json").read_text("utf-8"))
)


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
    """One run of `file` (a path below recipes/ without suffix), `seconds` long."""

    file: str
    sha256: str
    environment: Environment
    outcome: str
    seconds: float
    date: str


def recipe_path(file: str) -> Path:
    return RECIPES / f"{file}.py"


def sha256(file: str) -> str:
    return hashlib.sha256(recipe_path(file).read_bytes()).hexdigest()


def recipe_files() -> list[str]:
    """List every recipe and broken twin that has a verdict, as paths below recipes/."""
    found = (path.relative_to(RECIPES).with_suffix("") for path in RECIPES.glob("*/*.py"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "testing")


def record_of(file: str, records: Path = RECORDS) -> Path:
    return records / f"{file}.jsonl"


def read_trials(record: Path) -> tuple[Trial, ...]:
    """Return every trial of a record; none where there is no such file.

    Raises ValueError with the line's number where a line is not a trial.
    """
    return _trials(record.name, record.read_text("utf-8") if record.exists() else "")


def all_trials(records: Path = RECORDS) -> tuple[Trial, ...]:
    """Return every trial of every record."""
    return tuple(trial for path in sorted(records.rglob("*.jsonl")) for trial in read_trials(path))


@cache
def _trials(name: str, text: str) -> tuple[Trial, ...]:
    numbered = enumerate(text.splitlines(), 1)
    return tuple(_trial(f"{name}:{number}", line) for number, line in numbered)


def _trial(place: str, line: str) -> Trial:
    try:
        data = json.loads(line)
        SCHEMA.validate(data)
    except (json.JSONDecodeError, ValidationError) as error:
        raise ValueError(f"{place} is not a trial: {error}") from error
    return Trial(**{**data, "environment": Environment(**data["environment"])})


def drop_trials_of_other_texts(file: str, records: Path = RECORDS) -> None:
    """Forget the trials of what a recipe was before it was changed; they have no say any more."""
    record = record_of(file, records)
    if not record.exists():
        return
    lines = record.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if sha256(file) in line]
    if kept != lines:
        complete = record.with_suffix(".new")
        complete.write_text("".join(kept), "utf-8")
        complete.replace(record)


def append_trial(trial: Trial, records: Path = RECORDS) -> None:
    """Add a trial in one write, so that an interruption loses no trial and leaves no half line."""
    data = asdict(trial)
    SCHEMA.validate(data)
    record = record_of(trial.file, records)
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(data) + "\n")
