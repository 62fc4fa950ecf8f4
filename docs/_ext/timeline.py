"""Sphinx directives that find in the stored trials what changed with which release.

`compared AXIS`: how much could be compared along `grpcio`, `iam` or `python`.
`timeline AXIS`: the changes along it, a section for each release, the newest first.
`known-changes`: the changes of gRPC that its authors wrote about, where the trials show one, too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from packaging.version import Version
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.axes import FIELDS, OF_RELEASES
from _ext.base import TABLE, TEMPLATES, EvidenceDirective, badges, drawn, page_link, versions
from tests.evidence.record.cells import Pair, Step, Strip, changes, kind, strips
from tests.evidence.record.store import EVIDENCE, Record

KNOWN = EVIDENCE / "record" / "known_changes.json"

TIMELINE = TEMPLATES.from_string("""\
{% for title, compared, table in steps %}
### {{ title }}

{{ compared }}

{{ table }}

{% endfor %}
""")
COUNTED = TEMPLATES.from_string("""\
{{ cells }} of {{ planned }} cells along this axis are measured.
{% if compared %}
They make {{ compared }} pairs of neighbours, of which {{ found or "none" }}
{{ "differs" if found == 1 else "differ" }} by more than luck.
{% else %}
No two of them are neighbours, so nothing can be compared yet.
{% endif %}
""")


def title(step: Step) -> str:
    """Name the release, or the two between which the change is."""
    name = OF_RELEASES[step.axis]
    return f"Between {name} {step.old} and {step.new}" if step.between else f"{name} {step.new}"


def compared_with(step: Step) -> str:
    """Say what the release is compared with."""
    if step.between:
        some = "One release" if step.between == 1 else f"{step.between} releases"
        return f"{some} between them {'is' if step.between == 1 else 'are'} not measured."
    return f"Compared with {step.old}."


def others(pair: Pair) -> list[str]:
    """Name what else is of another release after the step."""
    old, new = versions(pair.before.trials), versions(pair.after.trials)
    return [
        f"{OF_RELEASES[name]} {old[field]} → {new[field]}"
        for name, field in FIELDS.items()
        if name != pair.step.axis and old[field] != new[field]
    ]


def compared(strips: Mapping[str, Strip], name: str) -> str:
    """Say how much of an axis is measured, and how many changes were found."""
    found, number = changes(strips, name)
    cells = [verdict for strip in strips.values() for _, verdict in strip]
    return COUNTED.render(
        cells=f"{sum(kind(cell) != 'not measured' for cell in cells):,}",
        planned=f"{len(cells):,}",
        compared=f"{number:,}" if number else "",
        found=len(found),
    )


def timeline(strips: Mapping[str, Strip], name: str) -> str:
    """Draw the changes along an axis, a section for each step."""
    found, _ = changes(strips, name)
    tables = [
        (title(step), compared_with(step), TABLE.render(rows=[row(pair, group) for pair in group]))
        for step, group in by_step(found)
    ]
    return TIMELINE.render(steps=tables)


def by_step(found: Iterable[Pair]) -> list[tuple[Step, list[Pair]]]:
    """Group changes by step, the newest first."""

    def newness(pair: Pair) -> tuple[Version, Version]:
        return Version(pair.step.new), Version(pair.step.old)

    newest_first = sorted(found, key=newness, reverse=True)
    steps = groupby(newest_first, key=lambda pair: pair.step)
    return [(step, list(group)) for step, group in steps]


def row(pair: Pair, group: Sequence[Pair]) -> dict[str, str]:
    """Return the row of a change; it says what else changed where that is so in its group."""
    shown = {
        "program": page_link(pair.file),
        "before": badges(pair.before.outcomes),
        "after": badges(pair.after.outcomes),
    }
    if any(others(each) for each in group):
        shown["changed beside it"] = ", ".join(others(pair))
    return shown


def known_changes(found: Sequence[Pair], known: Path = KNOWN) -> str:
    """Draw a row for each known change at a step at which the trials show a change, too."""
    rows = []
    for entry in json.loads(known.read_text("utf-8")):
        at_step = [pair for pair in found if fits(pair, entry)]
        for step, group in by_step(at_step):
            sources = [f"[{text}]({address})" for text, address in entry["sources"].items()]
            rows.append(
                {
                    "grpcio": entry["grpcio"],
                    "what its authors changed": f"{entry['what']} ({', '.join(sources)})",
                    "what the trials show": f"{step.old} → {step.new}: "
                    + ", ".join(page_link(pair.file) for pair in group),
                }
            )
    if not rows:
        return "The trials show no change where one is known so far."
    return TABLE.render(rows=sorted(rows, key=lambda row: Version(row["grpcio"]), reverse=True))


def known_changes_of(record: Record) -> str:
    """Draw the known changes of gRPC beside those that a record shows."""
    found, _ = changes(strips(record, "grpcio"), "grpcio")
    return known_changes(found)


def fits(pair: Pair, entry: dict[str, Any]) -> bool:
    """Tell whether a change is of a file and at a step that a known change concerns.

    What a release does not offer has nothing to do with it.
    """
    if "not offered" in (kind(pair.before), kind(pair.after)):
        return False
    old, new = Version(pair.step.old), Version(pair.step.new)
    concerns = any(fnmatch(pair.file, pattern) for pattern in entry["files"])
    return concerns and old < Version(entry["grpcio"]) <= new


class AxisDirective(EvidenceDirective):
    """Shows what is drawn of the strips along the axis that it names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in OF_RELEASES:
            raise self.error(f"no axis {name}; there are {', '.join(OF_RELEASES)}")
        return self.parse(lambda: self.draw(strips(self.record, name), name), *self.record.paths())

    def draw(self, strips: Mapping[str, Strip], name: str) -> str:
        """Return Markdown."""
        raise NotImplementedError


class ComparedDirective(AxisDirective):
    """Shows how much could be compared."""

    def draw(self, strips: Mapping[str, Strip], name: str) -> str:
        """Return the counts."""
        return compared(strips, name)


class TimelineDirective(AxisDirective):
    """Shows the changes."""

    sections = True

    def draw(self, strips: Mapping[str, Strip], name: str) -> str:
        """Return a section for each release."""
        return timeline(strips, name)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("compared", ComparedDirective)
    app.add_directive("timeline", TimelineDirective)
    app.add_directive("known-changes", drawn(known_changes_of, KNOWN))
    return {"version": "1", "parallel_read_safe": True}
