"""Sphinx directive `evidence-of CHAPTER`: a section for each recipe of a chapter.

It has the heat maps of the recipe and its twin, their cells, and the commands that repeat these.
Its label is that of `base.label`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import (
    FORK_SUPPORT_COLUMN,
    INTERVAL_COLUMN,
    TABLE,
    TEMPLATES,
    EvidenceDirective,
    badges,
    interval,
    label,
    listed,
    span,
    tally,
)
from _ext.heat_map import map_of_rule, not_as_text, sources
from tests.book import Rule, place_of
from tests.evidence.record.cells import AXES, alike, command, kinds
from tests.evidence.record.environment import Environment, newness
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict

SECTION = TEMPLATES.from_string("""\
{{ anchor }}
## {{ title }}

{{ said | join("\n") }}

{{ maps }}

{% for file, cells in tables %}
:::{dropdown} Cells of `{{ file }}`
{{ cells }}
:::

{% endfor %}
""")


def cells(record: Record, file: str) -> str:
    """Draw the cells of a file, newest first; those that differ in one release share a row."""
    verdicts = record.verdicts(file)
    same: dict[frozenset[tuple[str, int]], list[Environment]] = defaultdict(list)
    for environment, verdict in verdicts.items():
        same[frozenset(verdict.outcomes.items())].append(environment)
    groups = [group for environments in same.values() for group in alike(environments)]
    groups.sort(key=lambda group: newness(group[-1]), reverse=True)
    if not groups:
        return "No trial is stored yet."
    return TABLE.render(rows=[cell_row(group, verdicts) for group in groups])


def cell_row(
    environments: Sequence[Environment], verdicts: Mapping[Environment, Verdict]
) -> dict[str, object]:
    """Show environments that are alike, in each of which the same happened as often."""
    first, *others = (verdicts[environment] for environment in environments)
    number = len(first.trials)
    every = Verdict(first.file, sum((each.trials for each in others), first.trials))
    counted = every if is_stretch(environments, verdicts) else first
    return {
        "Python": environments[0].python,
        "grpcio": wide(listed(each.grpcio for each in environments)),
        "google-cloud-iam": wide(listed(each.google_cloud_iam for each in environments)),
        "start method": environments[0].start_method,
        FORK_SUPPORT_COLUMN: environments[0].fork_support,
        "system": environments[0].system,
        "outcome": badges(first.outcomes),
        "trials": f"{number} in each of {len(environments)}" if others else number,
        INTERVAL_COLUMN: interval(counted),
        "dates": span(every.trials),
        "again": f"`{command(first.file, *environments)}`{{.command}}",
    }


def is_stretch(
    environments: Sequence[Environment], verdicts: Mapping[Environment, Verdict]
) -> bool:
    """Tell whether environments that are alike agree, and so does what is measured between them.

    Then there is no sign that their frequencies differ, and their trials may be counted together.
    A row of cells that were picked from among others by what they showed is none.
    """
    first, *_, last = (environments[0], *environments)
    between = [
        verdict
        for environment, verdict in verdicts.items()
        if newness(first) <= newness(environment) <= newness(last)
        and len(alike([first, environment])) == 1
    ]
    return len({outcome for verdict in between for outcome in verdict.outcomes}) == 1


def wide(releases: str) -> str:
    """Let a long list have the width to be read, not one release a line."""
    return f"[{releases}]{{.releases}}" if releases.count(",") > 2 else releases


def section(record: Record, rule: Rule) -> str:
    """Draw what was measured of a recipe and its twin."""
    maps = "".join(map_of_rule(record, rule, name) for name in AXES)
    return SECTION.render(
        anchor=f"{{#{label(rule.recipe)}}}",
        title=record.book.title(rule.recipe),
        said=said(record, rule),
        maps=not_as_text(maps, "heat-maps"),
        tables=[(file, cells(record, file)) for file in rule.files],
    )


def said(record: Record, rule: Rule) -> list[str]:
    """Say in how many environments the recipe held and its twin failed."""
    subject = f"The [recipe](/{place_of(rule.recipe)})"
    sentences = [tally(subject, kinds(record, rule.recipe), "held")]
    if rule.twin:
        of_twin = kinds(record, rule.twin)
        sentences.append(tally("Its broken twin", of_twin, "failed"))
    return sentences


class EvidenceOfDirective(EvidenceDirective):
    """Makes the sections of a chapter, below the page's heading."""

    required_arguments = 1
    sections = True

    def run(self) -> list[nodes.Node]:
        chapter = self.arguments[0]
        book = self.record.book
        found = book.rules(chapter)
        if not found:
            raise self.error(f"no recipe in recipes/{chapter}")
        pages = [book.page(rule.recipe) for rule in found]
        files = [file for rule in found for file in rule.files]
        return self.parse(
            lambda: "\n\n".join(section(self.record, rule) for rule in found),
            *sources(self.record, files),
            titles=pages,
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("evidence-of", EvidenceOfDirective)
    return {"version": "1", "parallel_read_safe": True}
