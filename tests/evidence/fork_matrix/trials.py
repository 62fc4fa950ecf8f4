"""The stored trials of the fork matrix: one fork a line, as the probe saw it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator, ValidationError

PROBE = Path(__file__).with_name("probe.py")
RECORD = Path(__file__).with_name("trials.jsonl")
SCHEMA = Draft202012Validator(
    json.loads(Path(__file__).with_name("trials.schema.json").read_text("utf-8"))
)
ABSENT: tuple[object, ...] = ("", None)
"""What is not written."""


@dataclass(frozen=True)
class Setting:
    """What was tried: a state of the parent and a use in the child, in one environment."""

    python: str
    grpcio: str
    fork_support: str
    parent: str
    child: str


@dataclass(frozen=True)
class ForkTrial:
    """One fork. `child_outcome` is None where the parent never came to have a child."""

    python: str
    grpcio: str
    google_cloud_iam: str
    system: str
    fork_support: str
    parent: str
    child: str
    parent_outcome: str
    probe: str
    date: str
    child_outcome: str | None = None
    child_error: str = ""
    parent_error: str = ""
    calls: int | None = None
    errors: int | None = None
    fork_seconds: float | None = None

    @property
    def setting(self) -> Setting:
        """Say what was tried."""
        return Setting(self.python, self.grpcio, self.fork_support, self.parent, self.child)


@dataclass(frozen=True)
class NotInstalled:
    """A release that this interpreter cannot install, and why."""

    python: str
    grpcio: str
    not_installed: str
    date: str


Line = ForkTrial | NotInstalled


def probe_sha() -> str:
    """Name the probe's text; a trial of another text has no say."""
    return hashlib.sha256(PROBE.read_bytes()).hexdigest()[:12]


def read(record: Path = RECORD) -> tuple[Line, ...]:
    """Return every line of today's probe.

    Raises ValueError with the line's number where a line is not of the schema.
    """
    lines = _lines(record.name, record.read_text("utf-8") if record.exists() else "")
    today = probe_sha()
    return tuple(line for line in lines if isinstance(line, NotInstalled) or line.probe == today)


def read_trials(record: Path = RECORD) -> tuple[ForkTrial, ...]:
    return tuple(line for line in read(record) if isinstance(line, ForkTrial))


def append(line: Line, record: Path = RECORD) -> None:
    """Add a line in one write, so that an interruption loses none and leaves no half line."""
    data = {name: value for name, value in asdict(line).items() if value not in ABSENT}
    SCHEMA.validate(data)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(data) + "\n")


@cache
def _lines(name: str, text: str) -> tuple[Line, ...]:
    numbered = enumerate(text.splitlines(), 1)
    return tuple(_line(f"{name}:{number}", line) for number, line in numbered)


def _line(place: str, text: str) -> Line:
    try:
        data = json.loads(text)
        SCHEMA.validate(data)
    except (json.JSONDecodeError, ValidationError) as error:
        raise ValueError(f"{place} is not of the schema: {error}") from error
    return NotInstalled(**data) if "not_installed" in data else ForkTrial(**data)
