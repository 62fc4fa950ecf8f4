"""Sphinx directives that draw the cells of every rule at a glance.

`heat-map AXIS`: a row for each recipe and broken twin, a column for each release of `grpcio` or
`iam`; a row leads to the file's section.
`heat-map-legend`: what the colours and signs say.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.axes import TITLES
from _ext.base import HTML, EvidenceDirective, label
from tests.book import START_METHODS, Rule
from tests.evidence.record.cells import AXES, axis, kind
from tests.evidence.record.plan import FEW
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict

NEWEST_FIRST = {"grpcio": ", newest first", "iam": ", newest first"}
"""What the title of an axis says of its order."""

MAP = HTML.from_string("""\
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
{% for release, square in row.squares %}
<td class="{{ square.shade }}"
{%- if square.measured %} title="{{ release }}: {{ square.told }}"{% endif %}>
<span aria-hidden="true">{{ square.sign }}</span>
{#- #}<span class="visually-hidden">{{ square.told }}</span></td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
</div>
""")

LEGEND = HTML.from_string("""\
<ul class="heat-map-legend">
{% for squares, text in signs %}
<li>
{% for square in squares %}
<span class="{{ square.shade }}">{{ square.sign }}</span>
{% endfor %}
{{ text }}
</li>
{% endfor %}
</ul>
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
    shown = kind(verdict)
    if verdict is None or shown == "not measured":
        return NOT_MEASURED
    told = words(verdict)
    if shown == "held":
        return Square("heat-0", "✓", told)
    if shown == "not offered":
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


def strip(record: Record, file: str, name: str) -> list[tuple[str, Square]]:
    """Return the squares of a file along an axis."""
    pointless: set[str] = set()
    if name == "start-method":
        pointless = {*START_METHODS} - {*record.book.start_methods(file)}
    found = dict(axis(record, file, name))
    return [
        (release, DOES_NOT_MATTER if release in pointless else square(found[release]))
        for release in columns(name)
    ]


def map_of_rule(record: Record, rule: Rule, name: str) -> str:
    """Draw one axis of a recipe and its twin; nothing where it makes no difference to either."""
    methods = [record.book.start_methods(file) for file in rule.files]
    if name == "start-method" and all(len(each) == 1 for each in methods):
        return ""
    named = zip(("recipe", "broken twin"), rule.files, strict=False)
    rows = [Row(what, strip(record, file, name)) for what, file in named]
    title = f"By {TITLES[name]}{NEWEST_FIRST.get(name, '')}"
    return MAP.render(title=title, releases=columns(name), groups=[("", rows)])


def map_of_all(record: Record, name: str) -> str:
    """Draw one axis of every recipe and broken twin, a group for each chapter."""
    chapters: dict[str, list[Row]] = defaultdict(list)
    for rule in record.book.rules():
        stem = rule.recipe.removeprefix(f"{rule.chapter}/")
        page = record.book.chapter(rule.recipe).folder
        for file, shown in zip(rule.files, (stem, "broken twin"), strict=False):
            of = f" of {stem}" if file == rule.twin else ""
            row = Row(shown, strip(record, file, name), f"{page}.html#{label(rule.recipe)}", of)
            chapters[rule.chapter.replace("_", " ")].append(row)
    title = f"Every rule by {TITLES[name]}{NEWEST_FIRST.get(name, '')}"
    return MAP.render(title=title, releases=columns(name), groups=chapters.items())


def legend() -> str:
    """Draw what the signs and colours stand for."""
    return LEGEND.render(
        signs=[
            ([Square("heat-0", "✓", "")], f"no trial failed, of at least {FEW}"),
            (SHADED, "so many of a hundred trials failed"),
            ([NOT_OFFERED], "the release does not offer what the program uses"),
            ([NOT_MEASURED], f"not measured, or fewer than {FEW} trials yet"),
        ]
    )


def not_as_text(html: str, classes: str = "") -> str:
    """Keep a picture out of the page's Markdown, which has the cells as a table."""
    return f"::::{{container}} llm-friendly-exclude {classes}\n{html}\n::::"


class HeatMapDirective(EvidenceDirective):
    """Shows every rule along one axis."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in AXES:
            raise self.error(f"no axis {name}; there are {', '.join(AXES)}")
        return self.parse(
            lambda: not_as_text(map_of_all(self.record, name)),
            *sources(self.record, self.record.book.files()),
        )


class LegendDirective(EvidenceDirective):
    """Shows what the signs and colours of a heat map say."""

    def run(self) -> list[nodes.Node]:
        return self.parse(lambda: not_as_text(legend()))


def sources(record: Record, files: Iterable[str]) -> list[Path]:
    """List what the cells of files are drawn from."""
    return [path for file in files for path in (record.book.path(file), record.path(file))]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("heat-map", HeatMapDirective)
    app.add_directive("heat-map-legend", LegendDirective)
    return {"version": "1", "parallel_read_safe": True}
