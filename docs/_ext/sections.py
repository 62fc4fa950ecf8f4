"""Sphinx directives that show what every recipe and broken twin did.

`programs`: a table for each chapter of the book, whose rows lead to the sections of its recipes.
`evidence-of CHAPTER`: the page of a chapter, with a section for each of its recipes: the heat maps
of the recipe and its twin, their cells, and the commands that repeat these. Its label is that of
`base.label`.

All of it on one page would be three megabytes that a phone lays out before it shows anything, so
each chapter has a page. A chapter that is declared is in the table and in the contents of the site
by itself, and a build without its page fails.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import cast

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
from _ext.heat_map import legend, map_of_rule, not_as_text, sources
from tests.book import Chapter, Rule, place_of
from tests.evidence.record.cells import AXES, Kind, alike, command, kinds
from tests.evidence.record.environment import Environment, newness
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict

PROGRAMS = TEMPLATES.from_string("""\
{% for chapter, table in chapters %}
## {{ chapter.title }}

{{ table }}

{% endfor %}
:::{toctree}
:hidden:

{% for chapter, _ in chapters %}
{{ chapter.folder }}
{% endfor %}
:::
""")
HEAD = TEMPLATES.from_string("""\
What each recipe of the chapter [{{ title }}](/{{ folder }}/index.md) and its broken twin did, \
by release and setting.
A heat map varies one thing, and leaves the rest at the plan's defaults.
[This command](programs.md) measures any other cell.

{{ legend }}
""")
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


def programs(record: Record) -> str:
    """Draw a table for each chapter that has recipes, and name their pages in the contents."""
    chapters = [
        (chapter, TABLE.render(rows=[program_row(record, rule) for rule in rules]))
        for chapter in record.book.chapters
        if (rules := record.book.rules(chapter.name))
    ]
    return PROGRAMS.render(chapters=chapters)


def program_row(record: Record, rule: Rule) -> dict[str, str]:
    """Say in how many environments a recipe held and its twin failed, and link their cells."""
    title = record.book.title(rule.recipe)
    return {
        "recipe": f"[{title}](#{label(rule.recipe)})",
        "held in": environments(record, rule.recipe, "held"),
        "broken twin failed in": environments(record, rule.twin, "failed") if rule.twin else "",
    }


def environments(record: Record, file: str, wanted: Kind) -> str:
    """Count in how many of its measured environments a file did what is wanted of it."""
    count = kinds(record, file)
    measured = count["held"] + count["failed"]
    return f"{count[wanted]} of {measured}" if measured else "not measured yet"


def head(chapter: Chapter) -> str:
    """Say what stands on the page of a chapter, and what the signs of its heat maps mean."""
    legend_of_page = not_as_text(legend())
    return HEAD.render(title=chapter.title, folder=chapter.folder, legend=legend_of_page)


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


class OfRulesDirective(EvidenceDirective):
    """Shows what is drawn of rules and of the titles of their pages."""

    sections = True

    def show(self, rules: Sequence[Rule], draw: Callable[[], str]) -> list[nodes.Node]:
        """Return what was drawn."""
        files = [file for rule in rules for file in rule.files]
        pages = [self.record.book.page(rule.recipe) for rule in rules]
        return self.parse(draw, *sources(self.record, files), titles=pages)


class ProgramsDirective(OfRulesDirective):
    """Makes the tables of all chapters, below the page's heading."""

    def run(self) -> list[nodes.Node]:
        return self.show(self.record.book.rules(), lambda: programs(self.record))


class EvidenceOfDirective(OfRulesDirective):
    """Makes the page of a chapter, below its heading."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        found = self.record.book.rules(name)
        if not found:
            raise self.error(f"no recipe in recipes/{name}")
        chapter = self.record.book.chapter(found[0].recipe)
        # MyST puts a section on the page while it parses it, before what is returned
        cast(nodes.Element, self.state_machine.node).extend(self.parse(lambda: head(chapter)))
        return self.show(found, lambda: "\n\n".join(section(self.record, rule) for rule in found))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("programs", ProgramsDirective)
    app.add_directive("evidence-of", EvidenceOfDirective)
    return {"version": "1", "parallel_read_safe": True}
