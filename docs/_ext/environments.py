"""Sphinx directive `environments`: where the trials were made.

A row is for releases that differ in one package alone, with whichever settings.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import TABLE, drawn, numbers, span
from tests.evidence.record.cells import alike
from tests.evidence.record.environment import Environment
from tests.evidence.record.trials import Trial


def environments(every: Iterable[Trial]) -> str:
    """Draw where trials were made, with whichever settings; a row differs in one package alone."""
    made: dict[Environment, list[Trial]] = defaultdict(list)
    for trial in every:
        made[trial.environment].append(trial)
    releases: dict[Environment, list[Trial]] = defaultdict(list)
    for environment, trials in made.items():
        releases[replace(environment, start_method="any", fork_support="any")] += trials
    rows = []
    for group in alike(releases):
        trials = [trial for environment in group for trial in releases[environment]]
        rows.append(
            {
                "Python": group[0].python,
                "grpcio": shortened(each.grpcio for each in group),
                "google-cloud-iam": shortened(each.google_cloud_iam for each in group),
                "system": group[0].system,
                "trials": f"{len(trials):,}",
                "dates": span(trials),
            }
        )
    return TABLE.render(rows=rows)


def shortened(releases: Iterable[str]) -> str:
    """List a few releases; of many, name the first and the last."""
    found = sorted(set(releases), key=numbers)
    few = len(found) <= 3
    return ", ".join(found) if few else f"{found[0]} to {found[-1]} ({len(found)} releases)"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("environments", drawn(lambda record: environments(record.all_trials())))
    return {"version": "1", "parallel_read_safe": True}
