"""Sphinx directives that draw the cells of every rule.

`heat-map AXIS`: a row for each recipe and broken twin, a column for each release of `grpcio` or
`iam`; a row leads to the file's section.
`evidence-of CHAPTER`: a section for each recipe of a chapter, with its heat maps, its cells and
the commands that repeat them. Its label is that of `pages.label`.
`heat-map-legend`: what the colours and signs say.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from jinja2 import Environment as Templates
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.cells import AXES, alike, axis, command, kind, newness
from tests.evidence.jobs import start_methods
from tests.evidence.pages import (
    FORK_SUPPORT_COLUMN,
    INTERVAL_COLUMN,
    TABLE,
    TEMPLATES,
    EvidenceDirective,
    badge,
    interval,
    label,
    listed,
    page_of,
    span,
    tally,
)
from tests.evidence.plan import TRIALS
from tests.evidence.rules import Rule, rules
from tests.evidence.trials import ROOT, Environment, recipe_files, recipe_path, record_of
from tests.evidence.verdicts import Verdict, verdicts_by_environment
from tests.runner import START_METHODS

TITLES = {
    "grpcio": "grpcio",
    "iam": "google-cloud-iam",
    "python": "Python",
    "start-method": "start method",
    "fork-support": "GRPC_ENABLE_FORK_SUPPORT",
}
"""What an axis is called on a page."""
NEWEST_FIRST = {"grpcio": ", newest first", "iam": ", newest first"}
"""What the title of an axis says of its order."""

MAP = Templates(trim_blocks=True, lstrip_blocks=True, autoescape=True).from_string("""\
<div class="heat-map" role="region" tabindex="0" aria-label="{{ title }}">
<table{% if releases | length > 8 %} class="many"{% endif %}>
<caption>{{ title }}</caption>
<thead>
<tr>
<td></td>
{% for release in releases %}
<th scope="col"><span>{{ release }}</span></th>
{% endfor %}
</tr>
</thead>
{% for heading, rows in groups %}
<tbody>
{% if heading %}
<tr class="chapter">
<th scope="rowgroup">{{ heading }}</th>
<td colspan="{{ releases | length }}"></td>
</tr>
{% endif %}
{% for row in rows %}
<tr>
<th scope="row">
{% if row.link %}
<a href="{{ row.link }}">{{ row.name }}<span class="visually-hidden">{{ row.of }}</span></a>
{% else %}
{{ row.name }}
{% endif %}
</th>
{% for release, it in row.squares %}
<td class="{{ it.shade }}"
{%- if it.measured %} title="{{ release }}: {{ it.told }}"{% endif %}>
<span aria-hidden="true">{{ it.sign }}</span><span class="visually-hidden">{{ it.told }}</span></td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
</div>
""")

LEGEND = Templates(trim_blocks=True, lstrip_blocks=True, autoescape=True).from_string("""\
<ul class="heat-map-legend">
{% for squares, text in signs %}
<li>
{% for it in squares %}
<span class="{{ it.shade }}">{{ it.sign }}</span>
{% endfor %}
{{ text }}
</li>
{% endfor %}
</ul>
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


class Square(NamedTuple):
    """How one cell is shown: its colour, a sign, and the words that it stands for."""

    shade: str
    sign: str
    told: str
    measured: bool = True


class Row(NamedTuple):
    """One file along an axis, each square with its release."""

    name: str
    squares: list[tuple[str, Square]]
    link: str = ""
    of: str = ""


NOT_MEASURED = Square("heat-none", "·", "not measured", measured=False)
NOT_OFFERED = Square("heat-not-offered", "n/a", "not offered")
SHADED = [
    Square(f"heat-{step}", sign, "") for step, sign in enumerate(("20", "50", "80", "100"), 1)
]
DOES_NOT_MATTER = Square("heat-none", "", "makes no difference", measured=False)


def square(verdict: Verdict | None) -> Square:
    """Show a cell: ✓ where no trial failed, otherwise how many of a hundred did."""
    its = kind(verdict)
    if verdict is None or its == "not measured":
        return NOT_MEASURED
    told = words(verdict)
    if its == "held":
        return Square("heat-0", "✓", told)
    if its == "not offered":
        return NOT_OFFERED._replace(told=f"not offered, {told}")
    return Square(f"heat-{shade(verdict)}", str(percent(verdict)), told)


def words(verdict: Verdict) -> str:
    """Name each outcome with its count: `hang in 13 and ok in 7 of 20`."""
    named = [f"{outcome} in {count}" for outcome, count in verdict.outcomes.most_common()]
    return f"{' and '.join(named)} of {len(verdict.trials)}"


def percent(verdict: Verdict) -> int:
    """Round the share of failures; 0 and 100 are those of none and of all."""
    total = len(verdict.trials)
    if verdict.failures in (0, total):
        return 100 * verdict.failures // total
    return min(99, max(1, round(100 * verdict.failures / total)))


def shade(verdict: Verdict) -> int:
    """Return the step of colour: 1 to 3 for a third of the trials each, 4 for all of them."""
    return 1 + 3 * verdict.failures // len(verdict.trials)


def columns(name: str) -> list[str]:
    """Return what stands above an axis; of packages the newest release comes first."""
    releases, _ = AXES[name]
    return releases[::-1] if name in NEWEST_FIRST else releases


def strip(file: str, name: str) -> list[tuple[str, Square]]:
    """Return the squares of a file along an axis."""
    pointless = {*START_METHODS} - {*start_methods(file)} if name == "start-method" else set()
    found = dict(axis(file, name))
    return [
        (release, DOES_NOT_MATTER if release in pointless else square(found[release]))
        for release in columns(name)
    ]


def title_of(file: str) -> str:
    """Return the heading of a recipe's page."""
    heading, *_ = (ROOT / "docs" / page_of(file)).read_text("utf-8").splitlines()
    return heading.removeprefix("# ")


def map_of_rule(rule: Rule, name: str) -> str:
    """Draw one axis of a recipe and its twin; nothing where it makes no difference to either."""
    if name == "start-method" and all(len(start_methods(file)) == 1 for file in rule.files):
        return ""
    names = ("recipe", "broken twin")
    rows = [Row(*it) for it in zip(names, [strip(f, name) for f in rule.files], strict=False)]
    title = f"By {TITLES[name]}{NEWEST_FIRST.get(name, '')}"
    return MAP.render(title=title, releases=columns(name), groups=[("", rows)])


def map_of_all(name: str) -> str:
    """Draw one axis of every recipe and broken twin, a group for each chapter."""
    chapters: dict[str, list[Row]] = defaultdict(list)
    for rule in rules():
        stem = rule.recipe.removeprefix(f"{rule.chapter}/")
        page = rule.chapter.replace("_", "-")
        for file, shown in zip(rule.files, (stem, "broken twin"), strict=False):
            of = f" of {stem}" if file == rule.twin else ""
            row = Row(shown, strip(file, name), f"{page}.html#{label(rule.recipe)}", of)
            chapters[rule.chapter.replace("_", " ")].append(row)
    title = f"Every rule by {TITLES[name]}{NEWEST_FIRST.get(name, '')}"
    return MAP.render(title=title, releases=columns(name), groups=chapters.items())


def legend() -> str:
    """Draw what the signs and colours stand for."""
    return LEGEND.render(
        signs=[
            ([Square("heat-0", "✓", "")], f"no trial failed, of at least {TRIALS}"),
            (SHADED, "so many of a hundred trials failed"),
            ([NOT_OFFERED], "the release does not offer what the program uses"),
            ([NOT_MEASURED], f"not measured, or fewer than {TRIALS} trials yet"),
        ]
    )


def cells(file: str) -> str:
    """Draw the cells of a file, newest first; those that differ in one release share a row."""
    verdicts = verdicts_by_environment(file)
    same: dict[frozenset[tuple[str, int]], list[Environment]] = defaultdict(list)
    for environment, verdict in verdicts.items():
        same[frozenset(verdict.outcomes.items())].append(environment)
    groups = [group for environments in same.values() for group in alike(environments)]
    groups.sort(key=lambda group: newness(group[-1]), reverse=True)
    if not groups:
        return "No trial is stored yet."
    return TABLE.render(rows=[cell_row([verdicts[it] for it in group]) for group in groups])


def cell_row(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Show environments that are alike, in each of which the same happened as often."""
    first, *_ = verdicts
    environments = [environment for it in verdicts for environment in it.environments]
    number = len(first.trials)
    return {
        "Python": environments[0].python,
        "grpcio": wide(listed(it.grpcio for it in environments)),
        "google-cloud-iam": wide(listed(it.google_cloud_iam for it in environments)),
        "start method": environments[0].start_method,
        FORK_SUPPORT_COLUMN: environments[0].fork_support,
        "system": environments[0].system,
        "outcome": " ".join(badge(*it) for it in first.outcomes.most_common()),
        "trials": number if len(verdicts) == 1 else f"{number} in each of {len(verdicts)}",
        INTERVAL_COLUMN: interval(first),
        "dates": span(trial for it in verdicts for trial in it.trials),
        "again": f"`{command(first.file, *environments)}`{{.command}}",
    }


def wide(releases: str) -> str:
    """Let a long list have the width to be read, not one release a line."""
    return f"[{releases}]{{.releases}}" if releases.count(",") > 2 else releases


def section(rule: Rule) -> str:
    """Draw what was measured of a recipe and its twin."""
    return SECTION.render(
        anchor=f"{{#{label(rule.recipe)}}}",
        title=title_of(rule.recipe),
        said=said(rule),
        maps=not_as_text("".join(map_of_rule(rule, name) for name in AXES), "heat-maps"),
        tables=[(file, cells(file)) for file in rule.files],
    )


def not_as_text(html: str, classes: str = "") -> str:
    """Keep a picture out of the page's Markdown, which has the cells as a table."""
    return f"::::{{container}} llm-friendly-exclude {classes}\n{html}\n::::"


def said(rule: Rule) -> list[str]:
    """Say in how many environments the recipe held and its twin failed."""
    subject = f"The [recipe](/{page_of(rule.recipe)})"
    sentences = [tally(subject, rule.recipe, "held")]
    if rule.twin:
        sentences.append(tally("Its broken twin", rule.twin, "failed"))
    return sentences


class HeatMapDirective(EvidenceDirective):
    """Shows every rule along one axis."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in AXES:
            raise self.error(f"no axis {name}; there are {', '.join(AXES)}")
        return self.parse(lambda: not_as_text(map_of_all(name)), *sources(recipe_files()))


class EvidenceOfDirective(EvidenceDirective):
    """Makes the sections of a chapter, below the page's heading."""

    required_arguments = 1
    sections = True

    def run(self) -> list[nodes.Node]:
        chapter = self.arguments[0]
        found = rules(chapter)
        if not found:
            raise self.error(f"no recipe in recipes/{chapter}")
        pages = [ROOT / "docs" / page_of(rule.recipe) for rule in found]
        files = [file for rule in found for file in rule.files]
        return self.parse(lambda: "\n\n".join(map(section, found)), *pages, *sources(files))


class LegendDirective(EvidenceDirective):
    """Shows what the signs and colours of a heat map say."""

    def run(self) -> list[nodes.Node]:
        return self.parse(lambda: not_as_text(legend()))


def sources(files: Iterable[str]) -> list[Path]:
    """List what the cells of files are drawn from."""
    return [path for file in files for path in (recipe_path(file), record_of(file))]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.add_directive("heat-map", HeatMapDirective)
    app.add_directive("evidence-of", EvidenceOfDirective)
    app.add_directive("heat-map-legend", LegendDirective)
    return {"version": "1", "parallel_read_safe": True}
