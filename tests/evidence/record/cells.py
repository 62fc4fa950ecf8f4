"""Cells: the verdict of one file in one environment, along the axes of the plan.

A strip is what a heat map draws as a row and the timeline compares from left to right. Whether a
cell shows something, and which neighbours differ, is decided here for all tables.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, pairwise
from typing import Literal

from packaging.version import Version

from tests.book import is_twin
from tests.evidence.record.environment import FORK_SUPPORT, Environment, Newness, minor, newness
from tests.evidence.record.plan import FEW, PYTHON, PYTHONS, RELEASES, TRIALS
from tests.evidence.record.statistics import differ
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict

Kind = Literal["held", "failed", "not offered", "not measured"]
NOT_OFFERED = {"raises ImportError", "raises ModuleNotFoundError", "raises AttributeError"}
"""What a program meets that uses what a release does not have yet."""
WANTED = "2.19"
"""The first google-cloud-iam that recipes ask for, in the header that `uv run` reads."""
REPEATED = "repeated"
"""The folder that a reader's own trials are stored in."""
Strip = Sequence[tuple[str, Verdict | None]]
"""Releases with the verdict of one file, in their order; None where there is none yet."""


def kind(verdict: Verdict | None) -> Kind:
    """Say in one word what a cell shows.

    A cell of fewer trials than the plan's least shows nothing yet.
    """
    if verdict is None or len(verdict.trials) < FEW:
        return "not measured"
    if not verdict.failures:
        return "held"
    return (
        "not offered"
        if set(verdict.outcomes) <= NOT_OFFERED or asks_for_newer(verdict)
        else "failed"
    )


def asks_for_newer(verdict: Verdict) -> bool:
    """Tell a recipe that never held with a client older than it asks for, and said why.

    The error of a call is the answer of its input, so what a release lacks may be lost answers.
    """
    said = all(outcome == "lost" or outcome.startswith("raises") for outcome in verdict.outcomes)
    releases = [environment.google_cloud_iam for environment in verdict.environments]
    older = all(Version(release) < Version(WANTED) for release in releases)
    return said and older and not is_twin(verdict.file)


def kinds(record: Record, file: str) -> Counter[Kind]:
    """Count the environments of a file by what their cells show."""
    return Counter(map(kind, record.verdicts(file).values()))


def worth(cell: tuple[Environment, Verdict]) -> tuple[int, Newness]:
    """Return what sorts cells of which one is to be shown: last the newest that is complete."""
    environment, verdict = cell
    return min(len(verdict.trials), TRIALS), newness(environment)


def axis(record: Record, file: str, name: str) -> Strip:
    """Return the verdicts along `grpcio`, `iam`, `python`, `fork-support` or `start-method`.

    What is not the axis is the default of the plan, or the newest there is. Releases of
    google-cloud-iam are compared with the same grpcio, its newest.
    """
    return record.made(file, name, lambda: _axis(record, file, name))


def _axis(record: Record, file: str, name: str) -> Strip:
    releases, of = AXES[name]
    method, *_ = record.book.start_methods(file)
    shown: list[tuple[Environment, Verdict]] = []
    for environment, verdict in record.verdicts(file).items():
        others = {
            "python": minor(environment.python) == PYTHON or name in ("python", "start-method"),
            "grpcio": environment.grpcio == RELEASES["grpcio"][-1] or name != "iam",
            "start": environment.start_method == method or name == "start-method",
            "support": environment.fork_support == "unset" or name == "fork-support",
        }
        if all(others.values()):
            shown.append((environment, verdict))
    found = {of(environment): verdict for environment, verdict in sorted(shown, key=worth)}
    return tuple((release, found.get(release)) for release in releases)


AXES: dict[str, tuple[list[str], Callable[[Environment], str]]] = {
    "grpcio": (RELEASES["grpcio"], lambda environment: environment.grpcio),
    "iam": (RELEASES["google-cloud-iam"], lambda environment: environment.google_cloud_iam),
    "python": (list(PYTHONS), lambda environment: minor(environment.python)),
    "fork-support": (list(FORK_SUPPORT), lambda environment: environment.fork_support),
    "start-method": (
        ["fork", "spawn", "forkserver"],
        lambda environment: environment.start_method,
    ),
}


@dataclass(frozen=True)
class Step:
    """From one measured release to the next, of so many that stand between them unmeasured."""

    axis: str
    old: str
    new: str
    between: int


@dataclass(frozen=True)
class Pair:
    """The verdicts of one file before and after a step."""

    file: str
    step: Step
    before: Verdict
    after: Verdict


def pairs(file: str, name: str, strip: Strip) -> list[Pair]:
    """Return the neighbours among the measured cells of one file along an axis."""
    measured = [
        (place, release, verdict)
        for place, (release, verdict) in enumerate(strip)
        if verdict is not None and kind(verdict) != "not measured"
    ]
    return [
        Pair(file, Step(name, old, new, next_place - place - 1), before, after)
        for (place, old, before), (next_place, new, after) in pairwise(measured)
    ]


def changes(strips: Mapping[str, Strip], name: str) -> tuple[list[Pair], int]:
    """Return the pairs of neighbours along an axis that differ, and how many were compared.

    This is what every table means by a change. The strips are those of every file, as one family
    of comparisons: with fewer of them less would have to be larger than luck.
    """
    every = [pair for file, strip in strips.items() for pair in pairs(file, name, strip)]
    changed = differ([(pair.before.outcomes, pair.after.outcomes) for pair in every])
    return list(compress(every, changed)), len(every)


def strips(record: Record, name: str) -> dict[str, Strip]:
    """Return the strip of every recipe and broken twin."""
    return {file: axis(record, file, name) for file in record.book.files()}


def alike(environments: Iterable[Environment]) -> list[list[Environment]]:
    """Group environments that differ in nothing but grpcio, then others but in google-cloud-iam."""
    groups: list[list[Environment]] = []
    alone: list[Environment] = []
    for group in _grouped(environments, lambda environment: replace(environment, grpcio="")):
        if len(group) > 1:
            groups.append(group)
        else:
            alone += group
    groups += _grouped(alone, lambda environment: replace(environment, google_cloud_iam=""))
    return sorted(groups, key=lambda group: newness(group[0]))


def _grouped(
    environments: Iterable[Environment], key: Callable[[Environment], Hashable]
) -> list[list[Environment]]:
    groups: dict[Hashable, list[Environment]] = defaultdict(list)
    for environment in sorted(environments, key=newness):
        groups[key(environment)].append(environment)
    return list(groups.values())


def command(file: str, *environments: Environment) -> str:
    """Return what a reader types to repeat the trials of cells, of one file in environments alike.

    They are stored apart from the book's: with those there would be nothing left to try.
    """
    options = {
        "python": [minor(each.python) for each in environments],
        "grpcio": [each.grpcio for each in environments],
        "iam": [each.google_cloud_iam for each in environments],
        "start-method": [each.start_method for each in environments],
        "fork-support": [each.fork_support for each in environments],
    }
    if set(options["fork-support"]) == {"unset"}:
        del options["fork-support"]
    typed = [
        f"--{name} {value}" for name, values in options.items() for value in dict.fromkeys(values)
    ]
    return " ".join(
        ("python3 noxfile.py evidence -- --recipe", file, *typed, "--records", REPEATED)
    )
