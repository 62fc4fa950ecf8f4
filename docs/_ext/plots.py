"""Sphinx directive that draws a benchmark's stored result: `plot NAME`.

Its bars are the rows, in panels one above the other. Options: `label`, the column that names a
bar; `value`, the columns that give its length, separated by semicolons, each with panels of its
own; `panel`, the column whose values have a panel each; `rows`, those to choose (`COLUMN = VALUE`);
`mark`, the label of the bar to stand out; `alt`, what the picture shows, in a sentence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from tests.benchmarks import results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT, BAR, MARKED = "#010203", "#040506", "#070809"
COLOURS = {
    TEXT: "var(--color-foreground-primary, currentColor)",
    BAR: "var(--color-foreground-border, currentColor)",
    MARKED: "var(--color-brand-content, currentColor)",
}
"""Stand-ins of the drawing, and the colours of the page that replace them in either theme."""

NOT_FOR_PAGES = (
    r"\s*<metadata>.*?</metadata>",
    r"\s*<defs>.*?</defs>",
    r'\s+id="[^"]*"',
    r" font-family: [^;]*;",
)
POINTS = 72
WIDTH, LABELS, VALUES = 400, 175, 45
"""Points of the picture, of the labels at its left and of the numbers at its right."""
ROW, TITLE = 19, 34


@dataclass(frozen=True)
class Panel:
    """Bars below one title."""

    title: str
    bars: dict[str, float]


def panels(
    rows: Sequence[results.Row], label: str, values: Sequence[str], by: str | None = None
) -> list[Panel]:
    """Sort rows into panels, one for each column of values and each value of the column `by`.

    Raises LookupError where a column is missing or holds no number.
    """
    kinds: list[str | int | float | None] = [None]
    if by:
        kinds = list(dict.fromkeys(results.value(row, by) for row in rows))
    return [
        Panel(
            title(value, by, kind),
            {
                str(results.value(row, label)): results.number(row, value)
                for row in rows
                if by is None or row[by] == kind
            },
        )
        for value in values
        for kind in kinds
    ]


def title(value: str, by: str | None, kind: object) -> str:
    """Write the unit of the column behind its value: `latency [ms]` and 20 are `latency 20 ms`."""
    if by is None:
        return value
    name, unit = re.fullmatch(r"(.*?)(?: \[(.*)\])?", by, re.DOTALL).groups("")  # type: ignore[union-attr]
    return f"{value}, {name} {kind} {unit}".rstrip()


def draw(drawn: Sequence[Panel], alt: str, mark: str | None = None) -> str:
    """Return an SVG that takes its colours from the page around it, the same for the same data."""
    import matplotlib as mpl  # takes a second: pages without a picture do without
    from matplotlib.figure import Figure

    heights = [TITLE + ROW * len(panel.bars) for panel in drawn]
    with mpl.rc_context(
        {
            "font.size": 11.5,
            "svg.fonttype": "none",
            "svg.hashsalt": alt,
            "text.color": TEXT,
            "ytick.color": TEXT,
        }
    ):
        figure = Figure((WIDTH / POINTS, sum(heights) / POINTS))
        top = sum(heights)
        for panel, height in zip(drawn, heights, strict=True):
            top -= height
            place = (LABELS / WIDTH, top / sum(heights), (WIDTH - LABELS - VALUES) / WIDTH)
            axes = figure.add_axes((*place, (height - TITLE) / sum(heights)))
            draw_panel(axes, panel, mark)
        written = StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return for_page(written.getvalue(), alt)


def draw_panel(axes: "Axes", panel: Panel, mark: str | None) -> None:
    names, lengths = list(panel.bars), list(panel.bars.values())
    colours = [MARKED if name == mark else BAR for name in names]
    bars = axes.barh(names, lengths, height=0.7, color=colours, clip_on=False)
    axes.bar_label(bars, [f"{length:,}" for length in lengths], padding=4)
    axes.set_title(panel.title, loc="left", x=-LABELS / (WIDTH - LABELS - VALUES), weight="bold")
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, max(lengths) or 1)
    axes.xaxis.set_visible(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def for_page(text: str, alt: str) -> str:
    """Make an SVG part of a page: with its fonts and colours, and nothing that is named twice."""
    (box,) = re.findall(r'viewBox="[^"]*"', text)
    _, _, drawn = text[text.index("<svg ") :].partition(">")
    for unwanted in NOT_FOR_PAGES:
        drawn = re.sub(unwanted, "", drawn, flags=re.DOTALL)
    for stand_in, shown in COLOURS.items():
        drawn = drawn.replace(stand_in, shown)
    head = f'<svg class="plot" {box} role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}\n<title>{escape(alt)}</title>{drawn}"


class PlotDirective(SphinxDirective):
    """Shows a picture of a stored result."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {
        "alt": directives.unchanged_required,
        "label": directives.unchanged_required,
        "value": directives.unchanged_required,
        "panel": directives.unchanged_required,
        "rows": directives.unchanged_required,
        "mark": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        self.env.note_dependency(str(results.path_of(name)))
        if missing := {"alt", "label", "value"} - {*self.options}:
            raise self.error(f"a plot needs the options {', '.join(sorted(missing))}")
        try:
            rows = results.chosen(results.read(name).rows, self.options.get("rows"))
            values = [value.strip() for value in self.options["value"].split(";")]
            drawn = panels(rows, self.options["label"], values, self.options.get("panel"))
        except LookupError as error:
            raise self.error(str(error)) from error
        mark = self.options.get("mark")
        if mark and not all(mark in panel.bars for panel in drawn):
            raise self.error(f"no bar {mark} to mark")
        picture = draw(drawn, " ".join(self.options["alt"].split()), mark)
        return [nodes.raw("", picture, format="html")]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.add_directive("plot", PlotDirective)
    return {"version": "1", "parallel_read_safe": True}
