"""What is to be measured, and how often."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from packaging.version import Version

from tests.book import BOOK
from tests.evidence.record.environment import Wanted, pinned
from tests.evidence.record.plan import (
    ALL,
    AXES,
    FEW,
    PYTHON,
    PYTHONS,
    RELEASES,
    TRIALS,
    Choice,
    always,
    trials_wanted,
)

ON_GOOGLES_PAGE = """
    0.2.0 0.3.2 1.0.3 2.0.0 2.1.0 2.2.0 2.3.2 2.4.0 2.5.1 2.6.2 2.7.0 2.8.2 2.9.0 2.10.0 2.11.2
    2.12.1 2.13.0 2.14.3 2.15.2 2.16.1 2.17.0 2.18.3 2.19.0 2.19.1
"""
POOL, TWIN, THREADS = (
    "processes/create_in_pool_worker",
    "processes/create_in_pool_worker_broken",
    "threads/share_one_client",
)
Outcomes = Mapping[str, int]


def test_plan_has_each_release_of_googles_page_and_each_later_one() -> None:
    """There are 24 on the page; the newest that was tried is the one that the tests run with."""
    planned = RELEASES["google-cloud-iam"]

    assert ON_GOOGLES_PAGE.split() == planned[:24]
    assert pinned("google-cloud-iam") == planned[-1]


@pytest.mark.parametrize("package", ["grpcio", "google-cloud-iam"])
def test_releases_are_in_their_order(package: str) -> None:
    """Each is named once."""
    planned = RELEASES[package]

    assert sorted(set(planned), key=Version) == planned


def test_plan_has_one_release_of_each_minor_version_of_grpcio() -> None:
    """From the first with wheels for Python 3.10 to the one that the tests run with."""
    minors = [Version(release).release[:2] for release in RELEASES["grpcio"]]

    assert (1, 41) == minors[0]
    assert Version(pinned("grpcio")).release[:2] == minors[-1]
    assert sorted(set(minors)) == minors


def test_axis_differs_in_one_thing() -> None:
    """What is not the axis is the default, or the newest that the rest admits."""
    assert {(PYTHON, None)} == {(each.python, each.google_cloud_iam) for each in AXES["grpcio"]}
    assert {(PYTHON, None)} == {(each.python, each.grpcio) for each in AXES["iam"]}
    assert [Wanted(python) for python in PYTHONS] == AXES["python"]


def test_axis_tries_every_file_with_one_start_method() -> None:
    """The first that makes a difference to the file."""
    variants = Choice("grpcio").variants(BOOK.files())

    assert BOOK.files() == [variant.file for variant in variants]
    assert (POOL, "fork", "unset") in variants
    assert ("processes/preload_forkserver", "forkserver", "unset") in variants


def test_axis_can_be_narrowed() -> None:
    """To releases of it, or to what it shares with a choice."""
    some = Choice("grpcio", grpcio=("1.62.3", "1.76.0"))

    assert [Wanted(PYTHON, "1.76.0"), Wanted(PYTHON, "1.62.3")] == some.environments
    assert [Wanted("3.12")] == Choice("python", python=("3.12",)).environments
    assert [] == Choice("grpcio", python=("3.12",)).environments


def test_all_axes_are_each_of_them() -> None:
    """With whatever else was chosen; a choice of one axis is itself."""
    chosen = Choice(ALL, python=(PYTHON,), start_method=("fork",))

    assert [*AXES] == [part.axis for part in chosen.axes]
    assert {((PYTHON,), ("fork",))} == {(part.python, part.start_method) for part in chosen.axes}
    assert [Choice("iam")] == Choice("iam").axes


def test_releases_make_environments_of_all_their_combinations() -> None:
    """What is not named is the plan's Python, or the newest that the others admit."""
    assert [None] == Choice().environments
    assert [Wanted(PYTHON, "1.62.3")] == Choice(grpcio=("1.62.3",)).environments
    assert [
        Wanted("3.11", "1.62.3", "2.0.0"),
        Wanted("3.12", "1.62.3", "2.0.0"),
    ] == Choice(python=("3.11", "3.12"), grpcio=("1.62.3",), iam=("2.0.0",)).environments


def test_without_an_axis_all_variants_are_tried() -> None:
    """Every start method that makes a difference, or those that are named."""
    every = ["fork", "spawn", "forkserver"]

    assert every == [variant.start_method for variant in Choice().variants([TWIN])]
    assert [(TWIN, "spawn", "1")] == Choice(start_method=("spawn",), fork_support=("1",)).variants(
        [TWIN, THREADS]
    )


def test_fork_support_is_an_axis_of_its_own() -> None:
    """Unset, 0 and 1."""
    variants = Choice("fork-support").variants([TWIN])

    assert ["unset", "0", "1"] == [variant.fork_support for variant in variants]


WELL, FAILED, MIXED, NONE = {"ok": 3}, {"hang": 3}, {"ok": 2, "hang": 1}, dict[str, int]()


def wanted(*cells: Outcomes, always: Sequence[int] = ()) -> list[int]:
    """Return what a strip wants whose releases are its places."""
    strip = [(str(place), outcomes) for place, outcomes in enumerate(cells)]
    return trials_wanted(strip, map(str, always))


def test_cells_that_agree_have_few_trials_between_the_ends() -> None:
    """The oldest and the newest release have all of them, whatever they showed."""
    assert [TRIALS, FEW, FEW, FEW, TRIALS] == wanted(*[WELL] * 5)
    assert [TRIALS, FEW, FEW, TRIALS] == wanted(*[NONE] * 4)
    assert [TRIALS, TRIALS] == wanted(WELL, WELL)
    assert [TRIALS] == wanted(WELL)
    assert [] == wanted()


def test_some_releases_always_have_all_their_trials() -> None:
    """Those that the tests run with, and the ends of each axis, on any other."""
    assert [TRIALS, FEW, TRIALS, FEW, TRIALS] == wanted(*[WELL] * 5, always=[2])
    ends = {RELEASES[package][end] for package in ("grpcio", "google-cloud-iam") for end in (0, -1)}
    assert ends | {pinned("grpcio"), pinned("google-cloud-iam")} == always()


def test_cell_that_holds_and_fails_has_all_of_them() -> None:
    """A race is told by its frequency; its neighbours, which never fail, are beside a change."""
    assert [TRIALS, FEW, TRIALS, TRIALS, TRIALS, FEW, TRIALS] == wanted(
        *[WELL] * 3, MIXED, *[WELL] * 3
    )
    assert [TRIALS, TRIALS, TRIALS, TRIALS] == wanted(*[MIXED] * 4)


def test_both_sides_of_a_change_have_all_their_trials() -> None:
    """Whether it is one is decided by them, and from where on is what a reader asks."""
    assert [TRIALS, FEW, TRIALS, TRIALS, FEW, TRIALS] == wanted(*[FAILED] * 3, *[WELL] * 3)


def test_program_that_fails_in_several_ways_has_few_trials_of_each_cell() -> None:
    """Until none of one release's ways is seen with the next, or one of them held."""
    three, two, third = {"hang": 1, "crash SIGABRT": 2}, {"hang": 2, "lost": 1}, {"raises E": 3}

    assert [TRIALS, FEW, FEW, TRIALS] == wanted(three, two, FAILED, three)
    assert [TRIALS, FEW, TRIALS, TRIALS, FEW, TRIALS] == wanted(*[two] * 3, *[third] * 3)
    assert [TRIALS, TRIALS, TRIALS, TRIALS] == wanted(two, two, WELL, two)


def test_cell_without_a_trial_is_no_change() -> None:
    """It has a few first."""
    assert [TRIALS, FEW, FEW, FEW, TRIALS] == wanted(WELL, WELL, NONE, WELL, WELL)


def test_outcome_that_never_came_is_none() -> None:
    """A counter that was asked for it counts it as nothing."""
    asked = Counter(ok=3)
    assert 0 == asked["hang"]
    asked["hang"] += 0

    assert [TRIALS, FEW, FEW, TRIALS] == wanted(WELL, asked, WELL, WELL)


@pytest.mark.parametrize(
    ("frequencies", "all_of_them"),
    [
        ([0.0] * 40, {0, 39}),
        ([1.0] * 40, {0, 39}),
        ([1.0] * 20 + [0.0] * 20, {0, 19, 20, 39}),
        ([0.0, 1.0] * 20, {*range(40)}),
    ],
    ids=["never", "always", "up to a release", "each other"],
)
def test_certain_outcomes_are_measured_in_two_rounds(
    frequencies: list[float], all_of_them: set[int]
) -> None:
    """The few show where more are wanted, and more trials change nothing."""
    rounds, cells = measured(frequencies, seed=1)

    assert rounds <= 2
    assert [TRIALS if place in all_of_them else FEW for place in range(40)] == [
        cell.total() for cell in cells
    ]


@pytest.mark.parametrize("seed", range(20))
def test_rounds_end(seed: int) -> None:
    """Whatever the frequencies are: each round makes trials, and no cell has more than all."""
    chances = Random(seed)  # noqa: S311
    frequencies = [chances.choice((0.0, 0.02, 0.5, 0.9, 1.0)) for _ in range(48)]
    rounds, cells = measured(frequencies, seed)

    assert rounds <= len(cells)
    assert all(cell.total() in range(FEW, TRIALS + 1) for cell in cells)
    assert all(cell.total() == TRIALS for cell in cells if len(cell) > 1)


def measured(frequencies: Sequence[float], seed: int) -> tuple[int, list[Counter[str]]]:
    """Make trials as the plan wants them, of cells that fail so often.

    Returns after how many rounds nothing is missing, and what came.
    """
    chances = Random(seed)  # noqa: S311
    cells = [Counter[str]() for _ in frequencies]
    for rounds in range(TRIALS * len(cells)):
        missing = [
            number - cell.total() for number, cell in zip(wanted(*cells), cells, strict=True)
        ]
        if not any(number > 0 for number in missing):
            return rounds, cells
        for cell, frequency, number in zip(cells, frequencies, missing, strict=True):
            cell.update("hang" if chances.random() < frequency else "ok" for _ in range(number))
    raise AssertionError("it goes on for ever")
