"""Sphinx directive `verdicts FILE`: the outcomes of a recipe or broken twin by start method.

Its option `fork-support` lists values of GRPC_ENABLE_FORK_SUPPORT (`unset 0 1`), which then have a
column.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from _ext.base import (
    FORK_SUPPORT_COLUMN,
    INTERVAL_COLUMN,
    TABLE,
    EvidenceDirective,
    badges,
    interval,
    numbers,
    versions,
)
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict


def verdicts(record: Record, file: str, fork_support: Sequence[str] = ("unset",)) -> str:
    """Draw a row for each start method, and for each environment in which outcomes differ.

    Raises LookupError where there is no trial.
    """
    rows = [
        verdict_row(Verdict(file, tuple(trials)))
        for support in fork_support
        for method in record.book.start_methods(file)
        for trials in by_outcome(record.verdict(file, method, support).trials)
    ]
    if list(fork_support) != ["unset"]:
        return TABLE.render(rows=rows)
    return TABLE.render(rows=[{k: row[k] for k in row if k != FORK_SUPPORT_COLUMN} for row in rows])


def verdict_row(stored: Verdict) -> dict[str, object]:
    """Return the row of trials that are counted together."""
    shown = versions(stored.trials)
    return {
        FORK_SUPPORT_COLUMN: stored.environments[0].fork_support,
        "start method": stored.environments[0].start_method,
        "outcome": badges(stored.outcomes),
        "trials": len(stored.trials),
        INTERVAL_COLUMN: interval(stored),
        "Python": shown["python"],
        "grpcio": shown["grpcio"],
    }


def by_environment(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Group trials by the versions and the system that they ran with, oldest versions first."""

    def key(trial: Trial) -> tuple[object, ...]:
        each = trial.environment
        return (*map(numbers, (each.python, each.grpcio, each.google_cloud_iam)), each.system)

    return [list(group) for _, group in groupby(sorted(trials, key=key), key=key)]


def by_outcome(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Group trials by environment, and those together where all ended in the same one way."""
    rows: dict[object, list[Trial]] = {}
    for group in by_environment(trials):
        outcomes = {trial.outcome for trial in group}
        rows.setdefault(outcomes.pop() if len(outcomes) == 1 else group[0], []).extend(group)
    return list(rows.values())


class VerdictsDirective(EvidenceDirective):
    """Shows the outcomes of the recipe or broken twin that it names."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        file = self.arguments[0]
        support = self.options.get("fork-support", "unset").split()
        return self.parse(
            lambda: verdicts(self.record, file, support),
            self.record.book.path(file),
            self.record.path(file),
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("verdicts", VerdictsDirective)
    return {"version": "1", "parallel_read_safe": True}
