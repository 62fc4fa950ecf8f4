"""Sphinx directives that say how the evidence was made, and the description of the machine.

`plan`: for each axis what was planned and what is measured.
`deadlines`: how long a run may take.
`new-or-forked`: how many trials ran in which kind of process, and whether both agree.
`machine`: what the trials were made on; `python -m tests.evidence.method` stores it.
`not-installed`: the releases that could not be installed.
"""

import json
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.cells import AXES, Strip, axis, kind
from tests.evidence.differences import differ
from tests.evidence.environments import NotInstalled, refused
from tests.evidence.jobs import start_methods
from tests.evidence.measure import deadline_of
from tests.evidence.pages import TABLE, TEMPLATES, EvidenceDirective, badge
from tests.evidence.plan import PYTHON, Cell
from tests.evidence.trials import RECORDS, Environment, Trial, recipe_files
from tests.evidence.verdicts import Verdict, trials_of_today
from tests.runner import START_METHODS

MACHINE = Path(__file__).with_name("machine.json")
VARIED = {
    "grpcio": ("the minor releases of grpcio", f"Python {PYTHON}, the newest google-cloud-iam"),
    "iam": ("the releases of google-cloud-iam", f"Python {PYTHON}, the newest grpcio"),
    "python": ("the minor releases of Python", "the newest of both packages"),
    "fork-support": ("`GRPC_ENABLE_FORK_SUPPORT`", f"Python {PYTHON}, the newest of both"),
    "start-method": ("the start method", "the newest releases"),
}
"""What differs along each axis, and what the other releases are."""

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


def planned(file: str, name: str) -> Strip:
    """Return the cells of an axis that the plan has for a file, with their verdicts."""
    strip = axis(file, name)
    if name != "start-method":
        return strip
    return [(method, verdict) for method, verdict in strip if method in start_methods(file)]


def plan(strips: dict[str, list[Strip]]) -> str:
    """Draw for each axis how many cells are planned, and how many have all their trials."""
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
                "recipe": f"{deadline_of(Cell('recipe', method)):g} seconds",
                "broken twin": f"{deadline_of(Cell('recipe_broken', method)):g} seconds",
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
            new, forked = (Verdict(its[0].file, tuple(its)) for its in kinds.values())
            yield environment, (new, forked)


def new_or_forked(trials: Iterable[tuple[Trial, ...]]) -> str:
    """Count the trials of either kind, and list the cells whose kinds differ; of files' trials."""
    by_file = list(trials)
    processes = [trial.process for of_file in by_file for trial in of_file]
    both = [cell for of_file in by_file for cell in of_both_kinds(of_file)]
    found = zip(both, differ([kinds for _, kinds in both]), strict=True)
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
    new, forked = (
        " ".join(badge(*each) for each in verdict.outcomes.most_common()) for verdict in kinds
    )
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
            "Python": it.python,
            "grpcio": it.grpcio,
            "google-cloud-iam": it.google_cloud_iam,
            "why": it.reason.replace("|", "\\|"),
            "tried": it.date,
        }
        for it in refusals
    ]
    return TABLE.render(rows=rows) if rows else "Every release that was tried could be installed."


def this_machine() -> dict[str, str]:
    """Describe the machine that this runs on, without its name."""
    library, version = platform.libc_ver()
    return {
        "processor": processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": f"{platform.system()} {platform.release()}",
        "C library": f"{library} {version}",
    }


def processor() -> str:
    """Return the processor's own name where the system says it, otherwise its architecture."""
    stated = Path("/proc/cpuinfo").read_text("utf-8")
    found = re.search(r"^model name\s*: (.*)$", stated, re.MULTILINE)
    return f"{found[1]}, {platform.machine()}" if found else platform.machine()


def store_machine(file: Path = MACHINE) -> None:
    """Store the description of this machine."""
    file.write_text(json.dumps(this_machine(), indent=2) + "\n", "utf-8")


def machine(file: Path = MACHINE) -> str:
    """Draw the stored description.

    Raises LookupError where there is none.
    """
    if not file.exists():
        raise LookupError(f"no {file.name}; run: .venv/bin/python -m tests.evidence.method")
    stored: dict[str, str] = json.loads(file.read_text("utf-8"))
    return TABLE.render(
        rows=[{"part": name, "the trials ran on": it} for name, it in stored.items()]
    )


def drawn(draw: Callable[[], str], *files: Path) -> type[EvidenceDirective]:
    """Make a directive that shows what a function draws from the records and these files."""

    class Drawn(EvidenceDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse(draw, *files, *RECORDS.rglob("*.csv"))

    return Drawn


def planned_strips() -> dict[str, list[Strip]]:
    """Return the strips of every recipe and broken twin along each axis."""
    return {name: [planned(file, name) for file in recipe_files()] for name in VARIED}


def trials_by_file() -> list[tuple[Trial, ...]]:
    """Return the trials of today's text of every recipe and broken twin."""
    return [tuple(trials_of_today(file)) for file in recipe_files()]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.add_directive("plan", drawn(lambda: plan(planned_strips())))
    app.add_directive("deadlines", drawn(deadlines))
    app.add_directive("new-or-forked", drawn(lambda: new_or_forked(trials_by_file())))
    app.add_directive("machine", drawn(machine, MACHINE))
    app.add_directive("not-installed", drawn(lambda: not_installed(refused())))
    return {"version": "1", "parallel_read_safe": True}


if __name__ == "__main__":
    store_machine()
