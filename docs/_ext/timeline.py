"""Sphinx directives that find in the stored trials what changed with which release.

`compared AXIS`: how much could be compared along `grpcio`, `iam` or `python`.
`timeline AXIS`: the changes along it, a section for each release, the newest first.
`known-changes`: the changes of gRPC that its authors wrote about, where the trials show one, too.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from itertools import compress, groupby, pairwise
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from packaging.version import Version
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.cells import Strip, axis, kind
from tests.evidence.differences import differ
from tests.evidence.pages import TABLE, TEMPLATES, EvidenceDirective, badge, versions
from tests.evidence.trials import RECORDS, recipe_files
from tests.evidence.verdicts import Verdict

KNOWN = Path(__file__).with_name("known_changes.json")
NAMES = {"grpcio": "grpcio", "iam": "google-cloud-iam", "python": "Python"}
"""The axes, by what their releases are releases of."""
FIELDS = {"grpcio": "grpcio", "google_cloud_iam": "google-cloud-iam", "python": "Python"}
"""What a verdict names of each environment."""

TIMELINE = TEMPLATES.from_string("""\
{% for step, table in steps %}
### {{ step.title }}

{{ step.compared }}

{{ table }}

{% endfor %}
""")
COUNTED = TEMPLATES.from_string("""\
{{ cells }} of {{ planned }} cells along this axis have all their trials.
{% if compared %}
They make {{ compared }} pairs of neighbours, of which {{ found or "none" }}
{{ "differs" if found == 1 else "differ" }} by more than luck.
{% else %}
No two of them are neighbours, so nothing can be compared yet.
{% endif %}
""")


@dataclass(frozen=True)
class Step:
    """From one measured release to the next, of so many that stand between them unmeasured."""

    axis: str
    old: str
    new: str
    between: int

    @property
    def title(self) -> str:
        """Name the release, or the two between which the change is."""
        name = NAMES[self.axis]
        return f"Between {name} {self.old} and {self.new}" if self.between else f"{name} {self.new}"

    @property
    def compared(self) -> str:
        """Say what the release is compared with."""
        if self.between:
            some = "One release" if self.between == 1 else f"{self.between} releases"
            return f"{some} between them {'is' if self.between == 1 else 'are'} not measured."
        return f"Compared with {self.old}."


@dataclass(frozen=True)
class Pair:
    """The verdicts of one file before and after a step."""

    file: str
    step: Step
    before: Verdict
    after: Verdict

    @cached_property
    def others(self) -> list[str]:
        """Name what else is of another release after the step."""
        old, new = versions(self.before.trials), versions(self.after.trials)
        return [
            f"{name} {old[field]} → {new[field]}"
            for field, name in FIELDS.items()
            if name != NAMES[self.step.axis] and old[field] != new[field]
        ]


def pairs(file: str, name: str, strip: Strip) -> Iterator[Pair]:
    """Yield the neighbours among the complete cells of one file along an axis."""
    complete = [
        (place, release, verdict)
        for place, (release, verdict) in enumerate(strip)
        if verdict is not None and kind(verdict) != "not measured"
    ]
    for (place, old, before), (next_place, new, after) in pairwise(complete):
        yield Pair(file, Step(name, old, new, next_place - place - 1), before, after)


def found_along(strips: dict[str, Strip], name: str) -> tuple[list[Pair], int]:
    """Return the pairs that differ, and how many were compared."""
    every = [pair for file, strip in strips.items() for pair in pairs(file, name, strip)]
    changed = differ([(pair.before, pair.after) for pair in every])
    return list(compress(every, changed)), len(every)


def strips_along(name: str) -> dict[str, Strip]:
    """Return the strip of every recipe and broken twin."""
    return {file: axis(file, name) for file in recipe_files()}


def compared(strips: dict[str, Strip], name: str) -> str:
    """Say how much of an axis is measured, and how many changes were found."""
    found, number = found_along(strips, name)
    cells = [verdict for strip in strips.values() for _, verdict in strip]
    return COUNTED.render(
        cells=f"{sum(kind(cell) != 'not measured' for cell in cells):,}",
        planned=f"{len(cells):,}",
        compared=f"{number:,}" if number else "",
        found=len(found),
    )


def timeline(strips: dict[str, Strip], name: str) -> str:
    """Draw the changes along an axis, a section for each step."""
    found, _ = found_along(strips, name)
    tables = [
        (step, TABLE.render(rows=[row(pair, group) for pair in group]))
        for step, group in by_step(found)
    ]
    return TIMELINE.render(steps=tables)


def by_step(found: Iterable[Pair]) -> list[tuple[Step, list[Pair]]]:
    """Group changes by step, the newest first."""

    def newness(pair: Pair) -> tuple[Version, Version]:
        return Version(pair.step.new), Version(pair.step.old)

    newest_first = sorted(found, key=newness, reverse=True)
    return [(step, list(group)) for step, group in groupby(newest_first, key=lambda it: it.step)]


def row(pair: Pair, group: Sequence[Pair]) -> dict[str, str]:
    """Return the row of a change; it says what else changed where that is so in its group."""
    its = {"program": link(pair.file), "before": badges(pair.before), "after": badges(pair.after)}
    if any(each.others for each in group):
        its["changed beside it"] = ", ".join(pair.others)
    return its


def link(file: str) -> str:
    """Link to the page of a recipe, or of the recipe of a broken twin."""
    page = file.removesuffix("_broken").replace("_", "-")
    return f"[`{file}`](/{page}.md)"


def badges(verdict: Verdict) -> str:
    """Count the outcomes, the most common first."""
    return " ".join(badge(*each) for each in verdict.outcomes.most_common())


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
                    + ", ".join(link(pair.file) for pair in group),
                }
            )
    if not rows:
        return "The trials show no change where one is known so far."
    return TABLE.render(rows=sorted(rows, key=lambda it: Version(it["grpcio"]), reverse=True))


def fits(pair: Pair, entry: dict[str, Any]) -> bool:
    """Tell whether a change is of a file and at a step that a known change concerns.

    What a release does not offer has nothing to do with it.
    """
    if "not offered" in (kind(pair.before), kind(pair.after)):
        return False
    old, new = Version(pair.step.old), Version(pair.step.new)
    its_file = any(fnmatch(pair.file, pattern) for pattern in entry["files"])
    return its_file and old < Version(entry["grpcio"]) <= new


class AxisDirective(EvidenceDirective):
    """Shows what is drawn of the strips along the axis that it names."""

    required_arguments = 1
    has_sections: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in NAMES:
            raise self.error(f"no axis {name}; there are {', '.join(NAMES)}")
        for record in RECORDS.rglob("*.csv"):
            self.env.note_dependency(str(record))
        drawn = self.draw(strips_along(name), name)
        return self.parse_text_to_nodes(drawn, allow_section_headings=self.has_sections)

    def draw(self, strips: dict[str, Strip], name: str) -> str:
        """Return Markdown."""
        raise NotImplementedError


class ComparedDirective(AxisDirective):
    """Shows how much could be compared."""

    def draw(self, strips: dict[str, Strip], name: str) -> str:
        """Return the counts."""
        return compared(strips, name)


class TimelineDirective(AxisDirective):
    """Shows the changes."""

    has_sections = True

    def draw(self, strips: dict[str, Strip], name: str) -> str:
        """Return a section for each release."""
        return timeline(strips, name)


class KnownChangesDirective(EvidenceDirective):
    """Shows what is known of gRPC beside what the trials show."""

    def run(self) -> list[nodes.Node]:
        return self.parse(
            lambda: known_changes(found_along(strips_along("grpcio"), "grpcio")[0]),
            KNOWN,
            *RECORDS.rglob("*.csv"),
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.add_directive("compared", ComparedDirective)
    app.add_directive("timeline", TimelineDirective)
    app.add_directive("known-changes", KnownChangesDirective)
    return {"version": "1", "parallel_read_safe": True}
