"""Cells: the verdict of one file in one environment, along the axes of the plan."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from functools import cache
from typing import Literal

from packaging.version import Version

from tests.evidence.jobs import start_methods
from tests.evidence.plan import PYTHON, PYTHONS, RELEASES, TRIALS
from tests.evidence.trials import FORK_SUPPORT, Environment
from tests.evidence.verdicts import Verdict, verdicts_by_environment

Kind = Literal["held", "failed", "not offered", "not measured"]
NOT_OFFERED = {"raises ImportError", "raises ModuleNotFoundError", "raises AttributeError"}
"""What a program meets that uses what a release does not have yet."""
REPEATED = "repeated"
"""The folder that a reader's own trials are stored in."""
Strip = list[tuple[str, Verdict | None]]
"""Releases with the verdict of one file, in their order; None where there is none yet."""


def kind(verdict: Verdict | None) -> Kind:
    """Say in one word what a cell shows.

    A cell of fewer trials than the plan's shows nothing yet.
    """
    if verdict is None or len(verdict.trials) < TRIALS:
        return "not measured"
    if not verdict.failures:
        return "held"
    return "not offered" if set(verdict.outcomes) <= NOT_OFFERED else "failed"


def kinds(file: str) -> Counter[Kind]:
    """Count the environments of a file by what their cells show."""
    return Counter(map(kind, verdicts_by_environment(file).values()))


@cache
def newness(environment: Environment) -> tuple[Version, Version, Version]:
    """Return what sorts environments by their releases: Python, grpcio, google-cloud-iam."""
    releases = (environment.python, environment.grpcio, environment.google_cloud_iam)
    python, grpcio, iam = map(Version, releases)
    return python, grpcio, iam


def worth(cell: tuple[Environment, Verdict]) -> tuple[bool, tuple[Version, Version, Version]]:
    """Return what sorts cells of which one is to be shown: last the newest that is complete."""
    environment, verdict = cell
    return len(verdict.trials) >= TRIALS, newness(environment)


def minor(version: str) -> str:
    """Return `3.10` of `3.10.13`."""
    return ".".join(version.split(".")[:2])


def axis(file: str, name: str) -> Strip:
    """Return the verdicts along `grpcio`, `iam`, `python`, `fork-support` or `start-method`.

    What is not the axis is the default of the plan, or the newest there is. Releases of
    google-cloud-iam are compared with the same grpcio, its newest.
    """
    releases, of = AXES[name]
    method, *_ = start_methods(file)
    found: dict[str, Verdict] = {}
    verdicts = sorted(verdicts_by_environment(file).items(), key=worth)
    for environment, verdict in verdicts:
        others = {
            "python": minor(environment.python) == PYTHON or name in ("python", "start-method"),
            "grpcio": environment.grpcio == RELEASES["grpcio"][-1] or name != "iam",
            "start": environment.start_method == method or name == "start-method",
            "support": environment.fork_support == "unset" or name == "fork-support",
        }
        if all(others.values()):
            found[of(environment)] = verdict
    return [(release, found.get(release)) for release in releases]


AXES: dict[str, tuple[list[str], Callable[[Environment], str]]] = {
    "grpcio": (RELEASES["grpcio"], lambda it: it.grpcio),
    "iam": (RELEASES["google-cloud-iam"], lambda it: it.google_cloud_iam),
    "python": (list(PYTHONS), lambda it: minor(it.python)),
    "fork-support": (list(FORK_SUPPORT), lambda it: it.fork_support),
    "start-method": (["fork", "spawn", "forkserver"], lambda it: it.start_method),
}


def alike(environments: Iterable[Environment]) -> list[list[Environment]]:
    """Group environments that differ in nothing but grpcio, then others but in google-cloud-iam."""
    groups: list[list[Environment]] = []
    alone: list[Environment] = []
    for group in _grouped(environments, lambda it: replace(it, grpcio="")):
        if len(group) > 1:
            groups.append(group)
        else:
            alone += group
    groups += _grouped(alone, lambda it: replace(it, google_cloud_iam=""))
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
        "python": [minor(it.python) for it in environments],
        "grpcio": [it.grpcio for it in environments],
        "iam": [it.google_cloud_iam for it in environments],
        "start-method": [it.start_method for it in environments],
        "fork-support": [it.fork_support for it in environments],
    }
    if set(options["fork-support"]) == {"unset"}:
        del options["fork-support"]
    typed = [f"--{name} {it}" for name, its in options.items() for it in dict.fromkeys(its)]
    return " ".join(
        ("python3 noxfile.py evidence -- --recipe", file, *typed, "--records", REPEATED)
    )
