"""A trial: the plain record of what one run of a recipe or broken twin did.

Its identity is the program and its job. The load is stored beside it, because a race is lost less
often, and a deadline missed more often, on processors that are busy.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal, cast

from tests.evidence.record.environment import Environment
from tests.evidence.record.table import Table

SCHEMA = json.loads(Path(__file__).with_name("trials.schema.json").read_text("utf-8"))
Process = Literal["new", "forked"]


@dataclass(frozen=True)
class Trial:
    """One run of `file` (a path below recipes/ without suffix), `seconds` long.

    `program` and `job` name what ran (see `identity` and `jobs`).
    `process` is a new interpreter, or a fork of one that had imported the clients.
    `load` is how many threads were runnable for each processor, the mean while it ran; None where
    nobody looked.
    `date` is when it ended, to the millisecond since trials are merged: so equal ones are the same.
    """

    file: str
    program: str
    job: str
    environment: Environment
    process: Process
    outcome: str
    seconds: float
    load: float | None
    date: str


SETTINGS = tuple(each.name for each in fields(Environment))


@cache
def _environment(*settings: str) -> Environment:
    """Return one object for equal environments, of which there are far fewer than of trials."""
    return Environment(*settings)


def _columns(trial: Trial) -> Mapping[str, object]:
    columns = asdict(trial)
    del columns["file"]
    return {**columns.pop("environment"), **columns}


@cache
def trials_table(file: str) -> Table[Trial]:
    """Return how the trials of a file are written."""

    def trial(columns: Mapping[str, str]) -> Trial:
        settings = (columns[name] for name in SETTINGS)
        return Trial(
            file=file,
            program=columns["program"],
            job=columns["job"],
            environment=_environment(*settings),
            process=cast(Process, columns["process"]),
            outcome=columns["outcome"],
            seconds=float(columns["seconds"]),
            load=float(columns["load"]) if columns["load"] else None,
            date=columns["date"],
        )

    return Table(SCHEMA, _columns, trial)
