"""Trials: the plain record of what each run of a recipe or broken twin did."""

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from jsonschema import Draft202012Validator, ValidationError

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
OUTPUTS = Path(__file__).with_name("outputs")
RECORD = Path(__file__).with_name("trials.jsonl")
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
    def here(cls, start_method: str) -> "Environment":
        """Describe this interpreter and its packages."""
        return cls(
            python=platform.python_version(),
            grpcio=version("grpcio"),
            google_cloud_iam=version("google-cloud-iam"),
            start_method=start_method,
            fork_support=os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "unset"),
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


def read_trials(record: Path = RECORD) -> tuple[Trial, ...]:
    """Return every trial of the record.

    Raises ValueError with the line's number where a line is not a trial.
    """
    return _trials(record.name, record.read_text("utf-8") if record.exists() else "")


@lru_cache(maxsize=1)
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


def append_trial(trial: Trial, record: Path = RECORD) -> None:
    """Add a trial in one write, so that an interruption loses no trial and leaves no half line."""
    data = asdict(trial)
    SCHEMA.validate(data)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(data) + "\n")
