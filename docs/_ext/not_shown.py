"""Sphinx directives that find in the stored trials what they do not show.

`unharmed`: broken twins that were ok in every trial of some cell.
`recipes-failed`: recipes that failed in some cell.
`not-offered`: programs that use what a release does not have.
`without-twin`: recipes that have no broken twin.
`unmeasured`: how many cells of the plan have not all their trials, by axis and chapter.
`systems`: on which operating systems no trial ran.
`races`: how many broken twins fail in some trials of a cell and not in others.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.cells import Strip, kind
from tests.evidence.method import VARIED, drawn, planned
from tests.evidence.pages import TABLE, badge, listed
from tests.evidence.timeline import link
from tests.evidence.trials import Trial, all_trials, recipe_files
from tests.evidence.verdicts import Verdict

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
        return self.file.endswith("_broken")


def lines(files: Iterable[str]) -> list[Line]:
    """Return the strips of files along every axis."""
    return [Line(file, name, planned(file, name)) for file in files for name in VARIED]


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
                    "program": link(line.file),
                    "axis": f"`{line.axis}`",
                    "where": ", ".join(stretches(line.strip, is_so)),
                    "outcomes": " ".join(badge(*each) for each in outcomes.most_common()),
                }
            )
    return TABLE.render(rows=rows) if rows else "There is none in what is measured so far."


def stretches(strip: Strip, is_so: Callable[[Verdict | None], bool]) -> Iterator[str]:
    """Yield each stretch of neighbours that are so, such as `1.80.1 to 1.85.3`."""
    for so, stretch in groupby(strip, key=lambda cell: is_so(cell[1])):
        if so:
            releases = [release for release, _ in stretch]
            yield " to ".join(dict.fromkeys((releases[0], releases[-1])))


def without_twin(files: Sequence[str]) -> str:
    """List the recipes that have no broken twin."""
    found = [
        f"- {link(file)}\n"
        for file in files
        if not file.endswith("_broken") and f"{file}_broken" not in files
    ]
    return "".join(found) or "Every recipe has a broken twin."


def unmeasured(those: Sequence[Line]) -> str:
    """Count the cells that have not all their trials, a row for each axis, if there are any."""
    if not any(kind(verdict) == "not measured" for line in those for _, verdict in line.strip):
        return "Every cell of the plan has them."
    chapters = sorted({chapter(line) for line in those})
    rows = []
    for name in VARIED:
        of_axis = [line for line in those if line.axis == name]
        counted = {its: Counter(missing(of_axis, its)) for its in chapters}
        row = {"axis": f"`{name}`"}
        row |= {its: f"{n[True]:,} of {sum(n.values()):,}" for its, n in counted.items()}
        rows.append(row)
    return f"So many cells of the plan lack some of them:\n\n{TABLE.render(rows=rows)}"


def chapter(line: Line) -> str:
    return line.file.partition("/")[0].replace("_", " ")


def missing(those: Iterable[Line], its_chapter: str) -> Iterator[bool]:
    """Tell of each cell of a chapter whether it lacks trials."""
    for line in those:
        if chapter(line) == its_chapter:
            yield from (kind(verdict) == "not measured" for _, verdict in line.strip)


def systems(trials: Iterable[Trial]) -> str:
    """Say where trials ran, and where none did."""
    seen = {trial.environment.system for trial in trials}
    unseen = [name for system, name in SYSTEMS.items() if system not in seen]
    ran = f"The trials ran on {listed(SYSTEMS.get(it, it) for it in seen)}."
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

    def twins() -> list[Line]:
        return [line for line in lines(recipe_files()) if line.is_twin]

    def recipes() -> list[Line]:
        return [line for line in lines(recipe_files()) if not line.is_twin]

    app.add_directive("unharmed", drawn(lambda: chosen(twins(), is_ok)))
    app.add_directive("recipes-failed", drawn(lambda: chosen(recipes(), failed)))
    app.add_directive("not-offered", drawn(lambda: chosen(lines(recipe_files()), is_not_offered)))
    app.add_directive("without-twin", drawn(lambda: without_twin(recipe_files())))
    app.add_directive("unmeasured", drawn(lambda: unmeasured(lines(recipe_files()))))
    app.add_directive("systems", drawn(lambda: systems(all_trials())))
    app.add_directive("races", drawn(lambda: races(twins())))
    return {"version": "1", "parallel_read_safe": True}
