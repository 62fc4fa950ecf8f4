"""Cells: the verdict of one file in one environment, along the axes of the plan."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from packaging.version import Version

from tests.evidence.jobs import start_methods
from tests.evidence.plan import PYTHON, PYTHONS, RELEASES, TRIALS
from tests.evidence.trials import FORK_SUPPORT, Environment
from tests.evidence.verdicts import Verdict, verdicts_by_environment

Kind = Literal["held", "failed", "not offered", "not measured"]
NOT_OFFERED = {"raises ImportError", "raises ModuleNotFoundError", "raises AttributeError"}
"""What a program meets that uses what a release does not have yet."""
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

    What is not the axis is the default of the plan, or the newest there is.
    """
    releases, of = AXES[name]
    method, *_ = start_methods(file)
    found: dict[str, Verdict] = {}
    verdicts = sorted(verdicts_by_environment(file).items(), key=worth)
    for environment, verdict in verdicts:
        others = {
            "python": minor(environment.python) == PYTHON or name in ("python", "start-method"),
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


def command(file: str, environment: Environment) -> str:
    """Return what a reader types to repeat the trials of a cell."""
    its = asdict(environment)
    options = {
        "recipe": file,
        "python": minor(its["python"]),
        "grpcio": its["grpcio"],
        "iam": its["google_cloud_iam"],
        "start-method": its["start_method"],
    }
    if its["fork_support"] != "unset":
        options["fork-support"] = its["fork_support"]
    typed = " ".join(f"--{name} {value}" for name, value in options.items())
    return f"python3 noxfile.py evidence -- {typed}"
