"""Where a row of the look-up ends, and that it is where the timeline shows a change."""

from itertools import pairwise

import pytest

from _ext.axes import OF_RELEASES
from _ext.runs import Run, breaks, releases_of, runs
from tests.book import Rule
from tests.evidence.record.cells import Strip, changes, kind, strips
from tests.evidence.record.plan import FEW, TRIALS
from tests.evidence.record.store import RECORD
from tests.evidence.record.verdicts import Verdict
from tests.ext.made import ENVIRONMENT, made

RECIPE, TWIN = "threads/share_one_client", "threads/share_one_client_broken"
RULE = Rule(RECIPE, TWIN)
Release = tuple[Verdict | None, Verdict | None]
"""What the recipe and its twin did with a release."""
GAP: Release = (None, None)


def held(**twin: int) -> Release:
    """Make a release with which the recipe held, and the twin did this."""
    return made(RECIPE, ok=TRIALS), made(TWIN, ENVIRONMENT, **twin)


def found(*releases: Release) -> list[Run]:
    """Return the runs of releases 1, 2 and so on."""
    names = [str(number) for number, _ in enumerate(releases, 1)]
    recipes, twins = zip(*releases, strict=True)
    strips: dict[str, Strip] = {
        RECIPE: list(zip(names, recipes, strict=True)),
        TWIN: list(zip(names, twins, strict=True)),
    }
    return runs(releases_of(RULE, strips), breaks(strips, "grpcio"))


def test_releases_that_are_alike_share_a_row() -> None:
    """A row has the trials of all releases that follow each other and do the same."""
    first, second = found(held(hang=TRIALS - 1, ok=1), held(hang=FEW), held(raises_KeyError=TRIALS))

    assert [("1", "2"), ("3",)] == [first.releases, second.releases]
    assert first.recipe
    assert first.twin
    assert 2 * TRIALS == len(first.recipe.trials)
    assert {"hang": TRIALS - 1 + FEW, "ok": 1} == first.twin.outcomes
    assert second.twin
    assert {"raises KeyError": TRIALS} == second.twin.outcomes


def test_release_that_is_not_measured_ends_a_row() -> None:
    """What was not measured is not said to do what its neighbours do."""
    short = (made(RECIPE, ok=FEW - 1), made(TWIN, hang=FEW - 1))
    shown = found(GAP, held(hang=TRIALS), GAP, held(hang=TRIALS), short, held(hang=TRIALS), GAP)

    assert [("2",), ("4",), ("6",)] == [run.releases for run in shown]


@pytest.mark.parametrize(
    "other",
    [
        (made(RECIPE, ok=TRIALS - 1, lost=1), made(TWIN, hang=TRIALS)),
        (made(RECIPE, raises_ImportError=TRIALS), made(TWIN, hang=TRIALS)),
        (made(RECIPE, ok=TRIALS), None),
        (None, made(TWIN, hang=TRIALS)),
        held(hang=3, ok=TRIALS - 3),
        held(crash_SIGSEGV=TRIALS),
    ],
    ids=["fails once", "not offered", "no twin yet", "no recipe yet", "rarely", "otherwise"],
)
def test_release_that_differs_has_a_row(other: Release) -> None:
    """One failure of a recipe makes a row, and so does what is more than luck."""
    shown = found(held(hang=TRIALS), other, held(hang=TRIALS))

    assert [("1",), ("2",), ("3",)] == [run.releases for run in shown]


@pytest.mark.parametrize("name", OF_RELEASES)
def test_look_up_and_timeline_show_the_same_changes(name: str) -> None:
    """Over the whole record a row ends where one file changed or is of another kind, no earlier.

    And each change that the timeline has between releases that follow each other ends a row.
    """
    of_files = strips(RECORD, name)
    shown: set[tuple[str, str, str]] = set()
    told: set[tuple[str, str, str]] = set()
    changed, _ = changes(of_files, name)
    on_timeline = {(pair.file, pair.step.old, pair.step.new) for pair in changed}
    for rule in RECORD.book.rules():
        rows = runs(releases_of(rule, of_files), breaks(of_files, name))
        cells = {file: dict(of_files[file]) for file in rule.files}
        starts = {run.releases[0] for run in rows}
        for (old, _), (new, _) in pairwise(of_files[rule.recipe]):
            both = [(cells[file][old], cells[file][new]) for file in rule.files]
            if "not measured" in {kind(cell) for pair in both for cell in pair}:
                continue
            if new in starts:
                shown.add((rule.recipe, old, new))
            if any(kind(one) != kind(other) for one, other in both) or any(
                (file, old, new) in on_timeline for file in rule.files
            ):
                told.add((rule.recipe, old, new))

    assert told == shown
    assert told or name == "python"
