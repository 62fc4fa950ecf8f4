"""Sphinx directives that say how the evidence was made, and the description of the machine.

`plan`: for each axis what was planned and what is measured.
`deadlines`: how long a run may take.
`new-or-forked`: how many trials ran in which kind of process, and whether both agree.
`machine`: what the trials were made on.
`not-installed`: the releases that could not be installed.
`other-jobs`: the trials that are kept but not counted, because they were of another job.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.axes import VARIED, planned
from _ext.base import TABLE, TEMPLATES, badges, drawn
from tests.book import START_METHODS, TWIN
from tests.evidence.record.cells import AXES, Strip, kind
from tests.evidence.record.environment import MACHINE, Environment
from tests.evidence.record.limits import deadline_of
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.statistics import differ
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

NEW_OR_FORKED = TEMPLATES.from_string("""\
{{ new }} trials ran in a new interpreter, {{ forked }} in a fork.
{% if not both %}
No cell has trials of both kinds yet.
{% else %}
{{ both }} {{ "cell has" if both == "1" else "cells have" }} trials of both kinds.
{% if rows %}
{{ rows | length }} of them {{ "differs" if rows | length == 1 else "differ" }} by more than luck:

{{ table }}
{% else %}
In none of them do the outcomes differ by more than luck.
{% endif %}
{% endif %}
""")


def plan(strips: Mapping[str, list[Strip]]) -> str:
    """Draw for each axis how many cells are planned, and how many are measured."""
    rows = []
    for name, (varied, others) in VARIED.items():
        cells = [verdict for strip in strips[name] for _, verdict in strip]
        measured = sum(kind(verdict) != "not measured" for verdict in cells)
        rows.append(
            {
                "axis": f"`{name}`",
                "what differs": varied,
                "the others": others,
                "values": len(AXES[name][0]),
                "cells planned": f"{len(cells):,}",
                "cells measured": f"{measured:,}",
            }
        )
    return TABLE.render(rows=rows)


def deadlines() -> str:
    """Draw how many seconds a recipe and a broken twin are given."""
    return TABLE.render(
        rows=[
            {
                "start method": f"`{method}`",
                "recipe": f"{deadline_of('recipe', method):g} seconds",
                "broken twin": f"{deadline_of(f'recipe{TWIN}', method):g} seconds",
            }
            for method in START_METHODS
        ]
    )


Kinds = tuple[Verdict, Verdict]
"""The trials of a cell in a new interpreter, and those in a fork."""


def of_both_kinds(trials: Iterable[Trial]) -> Iterator[tuple[Environment, Kinds]]:
    """Yield each environment of one file's trials in which trials of both kinds were made."""
    cells: dict[Environment, dict[str, list[Trial]]] = {}
    for trial in trials:
        kinds = cells.setdefault(trial.environment, {"new": [], "forked": []})
        kinds[trial.process].append(trial)
    for environment, kinds in cells.items():
        if all(kinds.values()):
            new, forked = (Verdict(made[0].file, tuple(made)) for made in kinds.values())
            yield environment, (new, forked)


def new_or_forked(trials: Iterable[tuple[Trial, ...]]) -> str:
    """Count the trials of either kind, and list the cells whose kinds differ; of files' trials."""
    by_file = list(trials)
    processes = [trial.process for of_file in by_file for trial in of_file]
    both = [cell for of_file in by_file for cell in of_both_kinds(of_file)]
    outcomes = [(new.outcomes, forked.outcomes) for _, (new, forked) in both]
    found = zip(both, differ(outcomes), strict=True)
    rows = [row_of_kinds(*cell) for cell, is_different in found if is_different]
    return NEW_OR_FORKED.render(
        new=f"{processes.count('new'):,}",
        forked=f"{processes.count('forked'):,}",
        both=f"{len(both):,}" if both else "",
        rows=rows,
        table=TABLE.render(rows=rows) if rows else "",
    )


def row_of_kinds(environment: Environment, kinds: Kinds) -> dict[str, str]:
    """Return the row of a cell."""
    new, forked = (badges(verdict.outcomes) for verdict in kinds)
    return {
        "program": f"`{kinds[0].file}`",
        "Python": environment.python,
        "grpcio": environment.grpcio,
        "google-cloud-iam": environment.google_cloud_iam,
        "start method": environment.start_method,
        "in a new interpreter": new,
        "in a fork": forked,
    }


def not_installed(refusals: Iterable[NotInstalled]) -> str:
    """Draw what could not be installed, and why."""
    rows = [
        {
            "Python": refused.python,
            "grpcio": refused.grpcio,
            "google-cloud-iam": refused.google_cloud_iam,
            "why": refused.reason.replace("|", "\\|"),
            "tried": refused.date,
        }
        for refused in refusals
    ]
    return TABLE.render(rows=rows) if rows else "Every release that was tried could be installed."


def machine(file: Path = MACHINE) -> str:
    """Draw the stored description.

    Raises LookupError where there is none.
    """
    if not file.exists():
        raise LookupError(
            f"no {file.name}; run: .venv/bin/python -m tests.evidence.measure.machine"
        )
    stored: dict[str, str] = json.loads(file.read_text("utf-8"))
    return TABLE.render(
        rows=[{"part": name, "the trials ran on": part} for name, part in stored.items()]
    )


def other_jobs(record: Record) -> str:
    """Draw how many trials of each program were of another job than it has today, and of which."""
    described = record.jobs()
    rows = [
        {"program": f"`{file}`", "job": f"`{described.get(job, job)}`", "trials": f"{count:,}"}
        for file in record.files()
        for job, count in of_other_jobs(record, file).items()
    ]
    return TABLE.render(rows=rows) if rows else "Every stored trial is of its program's job."


def of_other_jobs(record: Record, file: str) -> Counter[str]:
    """Count the trials of a file that are not of today's job, by the job that they are of."""
    today = record.identity(file).job
    return Counter(trial.job for trial in record.trials(file) if trial.job != today)


def planned_strips(record: Record) -> dict[str, list[Strip]]:
    """Return the strips of every recipe and broken twin along each axis."""
    files = record.book.files()
    return {name: [planned(record, file, name) for file in files] for name in VARIED}


def trials_by_file(record: Record) -> list[tuple[Trial, ...]]:
    """Return the trials of today's program and job of every recipe and broken twin."""
    return [record.of_today(file) for file in record.book.files()]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("plan", drawn(lambda record: plan(planned_strips(record))))
    app.add_directive("deadlines", drawn(lambda record: deadlines()))
    app.add_directive("new-or-forked", drawn(lambda record: new_or_forked(trials_by_file(record))))
    app.add_directive("machine", drawn(lambda record: machine(), MACHINE))
    app.add_directive(
        "not-installed", drawn(lambda record: not_installed(record.not_installed.read()))
    )
    app.add_directive("other-jobs", drawn(other_jobs))
    return {"version": "1", "parallel_read_safe": True}
