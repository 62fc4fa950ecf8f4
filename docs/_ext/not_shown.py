"""Sphinx directives that find in the stored trials what they do not show.

`unharmed`: broken twins that were ok in every trial of some cell.
`recipes-failed`: recipes that failed in some cell.
`not-offered`: programs that use what a release does not have.
`without-twin`: recipes that have no broken twin.
`unmeasured`: how many cells lack trials that the plan wants of them, by axis and chapter.
`systems`: on which operating systems no trial ran.
`races`: how many broken twins fail in some trials of a cell and not in others.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.axes import VARIED, planned
from _ext.base import TABLE, badges, drawn, listed, page_link
from tests.book import Rule, chapter_of, is_twin
from tests.evidence.record.cells import Strip, kind
from tests.evidence.record.plan import always, trials_wanted
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

SYSTEMS = {"Linux": "Linux", "Darwin": "macOS", "Windows": "Windows"}
"""The systems that the package is for, by the names that Python gives them."""


@dataclass(frozen=True)
class Line:
    """The strip of one file along one axis."""

    file: str
    axis: str
    strip: Strip

    @property
    def is_twin(self) -> bool:
        """Tell a broken twin from a recipe."""
        return is_twin(self.file)


def lines(record: Record) -> list[Line]:
    """Return the strips of every recipe and broken twin along every axis."""
    files = record.book.files()
    return [Line(file, name, planned(record, file, name)) for file in files for name in VARIED]


def is_ok(verdict: Verdict | None) -> bool:
    return kind(verdict) == "held"


def failed(verdict: Verdict | None) -> bool:
    return kind(verdict) == "failed"


def is_not_offered(verdict: Verdict | None) -> bool:
    return kind(verdict) == "not offered"


def chosen(those: Iterable[Line], is_so: Callable[[Verdict | None], bool]) -> str:
    """Draw where along which axis a cell of a file is so, with the outcomes of these cells.

    Says that there is none where there is none.
    """
    rows = []
    for line in those:
        cells = [verdict for _, verdict in line.strip if verdict is not None and is_so(verdict)]
        outcomes = sum((verdict.outcomes for verdict in cells), Counter[str]())
        if cells:
            rows.append(
                {
                    "program": page_link(line.file),
                    "axis": f"`{line.axis}`",
                    "where": ", ".join(stretches(line.strip, is_so)),
                    "outcomes": badges(outcomes),
                }
            )
    return TABLE.render(rows=rows) if rows else "There is none in what is measured so far."


def stretches(strip: Strip, is_so: Callable[[Verdict | None], bool]) -> Iterator[str]:
    """Yield each stretch of neighbours that are so, such as `1.80.1 to 1.85.3`."""
    for so, stretch in groupby(strip, key=lambda cell: is_so(cell[1])):
        if so:
            releases = [release for release, _ in stretch]
            yield " to ".join(dict.fromkeys((releases[0], releases[-1])))


def without_twin(rules: Iterable[Rule]) -> str:
    """List the recipes that have no broken twin."""
    found = sorted(rule.recipe for rule in rules if rule.twin is None)
    listed = "".join(f"- {page_link(recipe)}\n" for recipe in found)
    return listed or "Every recipe has a broken twin."


def unmeasured(those: Sequence[Line]) -> str:
    """Count the cells that lack trials of the plan's, a row for each axis, if there are any."""
    if not any(any(lacking(line)) for line in those):
        return "Every cell of the plan has them."
    chapters = sorted({chapter(line) for line in those})
    rows = []
    for name in VARIED:
        of_axis = [line for line in those if line.axis == name]
        counted = {each: Counter(lacking_in(of_axis, each)) for each in chapters}
        row = {"axis": f"`{name}`"}
        row |= {each: f"{n[True]:,} of {sum(n.values()):,}" for each, n in counted.items()}
        rows.append(row)
    return f"So many cells of the plan lack some of them:\n\n{TABLE.render(rows=rows)}"


def chapter(line: Line) -> str:
    """Return the words for a line's chapter."""
    return chapter_of(line.file).replace("_", " ")


def lacking(line: Line) -> Iterator[bool]:
    """Tell of each cell of a line whether it has fewer trials than the plan wants of it."""
    seen = [(release, verdict.outcomes if verdict else {}) for release, verdict in line.strip]
    wanted = trials_wanted(seen, always())
    for (_, outcomes), number in zip(seen, wanted, strict=True):
        yield sum(outcomes.values()) < number


def lacking_in(those: Iterable[Line], of_chapter: str) -> Iterator[bool]:
    """Tell of each cell of a chapter whether it lacks trials."""
    for line in those:
        if chapter(line) == of_chapter:
            yield from lacking(line)


def systems(trials: Iterable[Trial]) -> str:
    """Say where trials ran, and where none did."""
    seen = {trial.environment.system for trial in trials}
    unseen = [name for system, name in SYSTEMS.items() if system not in seen]
    ran = f"The trials ran on {listed(SYSTEMS.get(system, system) for system in seen)}."
    return f"{ran}\nNone ran on {' or '.join(unseen)}." if unseen else ran


def races(those: Iterable[Line]) -> str:
    """Count the broken twins of which some trials of one cell failed and others did not."""
    twins: dict[str, bool] = {}
    for line in those:
        if line.is_twin:
            mixed = any(is_race(verdict) for _, verdict in line.strip)
            twins[line.file] = twins.get(line.file, False) or mixed
    found = sum(twins.values())
    return f"Of {len(twins)} broken twins, {found} {'is' if found == 1 else 'are'} of this kind."


def is_race(verdict: Verdict | None) -> bool:
    return verdict is not None and failed(verdict) and verdict.failures < len(verdict.trials)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""

    def twins(record: Record) -> list[Line]:
        return [line for line in lines(record) if line.is_twin]

    def recipes(record: Record) -> list[Line]:
        return [line for line in lines(record) if not line.is_twin]

    directives = {
        "unharmed": lambda record: chosen(twins(record), is_ok),
        "recipes-failed": lambda record: chosen(recipes(record), failed),
        "not-offered": lambda record: chosen(lines(record), is_not_offered),
        "without-twin": lambda record: without_twin(record.book.rules()),
        "unmeasured": lambda record: unmeasured(lines(record)),
        "systems": lambda record: systems(record.all_trials()),
        "races": lambda record: races(twins(record)),
    }
    app.setup_extension("_ext.base")
    for name, draw in directives.items():
        app.add_directive(name, drawn(draw))
    return {"version": "1", "parallel_read_safe": True}
