"""What a cell shows, which of several is shown along an axis, and what repeats it."""

import re
import shlex
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from tests.book import BOOK
from tests.evidence.measure.command import main
from tests.evidence.record.cells import (
    WANTED,
    Kind,
    Step,
    Strip,
    alike,
    axis,
    changes,
    command,
    kind,
    kinds,
    pairs,
    strips,
    worth,
)
from tests.evidence.record.environment import Environment, Wanted
from tests.evidence.record.plan import FEW, PYTHONS, RELEASES, Choice
from tests.evidence.record.statistics import LEVEL, chance, counts
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict
from tests.support.trials import TRIAL, counted, made, of_today

FILE = "processes/create_in_pool_worker"
ENVIRONMENT = Environment("3.10.13", "1.62.3", "2.27.0", "fork", "unset", "Linux")


def verdict(environment: Environment, **outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome in one environment."""
    trial = of_today(replace(TRIAL, file=FILE, environment=environment))
    return Verdict(FILE, made(trial, outcomes))


Store = Callable[..., Record]
"""`store(*verdicts)` returns a record in which these are all that there is."""


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    def store(*verdicts: Verdict) -> Record:
        record = Record(tmp_path)
        for each in verdicts:
            record.append(each.trials)
        return record

    return store


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, "not measured"),
        (counted(ok=FEW - 1), "not measured"),
        (counted(hang=FEW - 1), "not measured"),
        (counted(ok=FEW), "held"),
        (counted(ok=20), "held"),
        (counted(ok=19, hang=1), "failed"),
        (counted(raises_ImportError=12, raises_AttributeError=8), "not offered"),
        (counted(raises_ImportError=19, ok=1), "failed"),
        (counted(raises_TypeError=20), "failed"),
    ],
)
def test_cell_of_fewer_trials_than_planned_shows_nothing(
    stored: Verdict | None, shown: Kind
) -> None:
    """One failure is a failure; a release that lacks what is used is told from one that fails."""
    assert shown == kind(stored)


@pytest.mark.parametrize(
    ("release", "file", "outcomes", "shown"),
    [
        ("2.18.0", FILE, {"lost": 20}, "not offered"),
        ("2.18.0", FILE, {"lost": 12, "raises_TypeError": 8}, "not offered"),
        ("2.18.0", FILE, {"lost": 19, "ok": 1}, "failed"),
        ("2.18.0", FILE, {"lost": 19, "hang": 1}, "failed"),
        ("2.18.0", f"{FILE}_broken", {"lost": 20}, "failed"),
        ("2.19.0", FILE, {"lost": 20}, "failed"),
    ],
)
def test_recipe_asks_for_a_release(
    release: str, file: str, outcomes: dict[str, int], shown: Kind
) -> None:
    """With an older client it need not answer; a hang is no lack of the client."""
    older = verdict(replace(ENVIRONMENT, google_cloud_iam=release), **outcomes)

    assert shown == kind(replace(older, file=file))


def test_recipes_ask_for_the_release_from_which_they_are_to_hold() -> None:
    """What stands in their headers is what the tables go by."""
    asked = {
        found[1]
        for file in BOOK.files()
        if (found := re.search(r"google-cloud-iam>=([\d.]+)", BOOK.path(file).read_text("utf-8")))
    }

    assert {WANTED} == asked


def test_kinds_count_each_environment_once(store: Store) -> None:
    """An environment counts as one, however many trials it has."""
    spawned = replace(ENVIRONMENT, start_method="spawn")
    older = replace(ENVIRONMENT, grpcio="1.41.1")
    record = store(
        verdict(ENVIRONMENT, ok=60), verdict(spawned, hang=20), verdict(older, ok=FEW - 1)
    )

    assert {"held": 1, "failed": 1, "not measured": 1} == kinds(record, FILE)


def test_newest_complete_cell_is_worth_most() -> None:
    """Versions are compared as numbers, and a cell of too few trials stands behind each other."""
    old, new = (replace(ENVIRONMENT, grpcio=release) for release in ("1.9.1", "1.62.3"))
    newest = replace(ENVIRONMENT, python="3.14.1")
    found = [(each, verdict(each, ok=20)) for each in (new, old)]
    found.append((newest, verdict(newest, ok=19)))

    assert [newest, old, new] == [environment for environment, _ in sorted(found, key=worth)]


def test_axis_varies_one_thing(store: Store) -> None:
    """Releases stand in the plan's order; what differs in another thing is left out."""
    oldest = replace(ENVIRONMENT, grpcio="1.41.1")
    first, second = verdict(oldest, hang=20), verdict(ENVIRONMENT, ok=20)
    others = {"python": "3.11.7", "start_method": "spawn", "fork_support": "1"}
    elsewhere = [
        verdict(replace(oldest, grpcio="1.42.0", **{name: value}), ok=20)
        for name, value in others.items()
    ]
    found = axis(store(second, first, *elsewhere), FILE, "grpcio")

    assert RELEASES["grpcio"] == [release for release, _ in found]
    assert [("1.41.1", first), ("1.62.3", second)] == [cell for cell in found if cell[1]]


@pytest.mark.parametrize(
    ("name", "setting", "releases", "named"),
    [
        ("python", "python", ["3.10.13", "3.11.7", "3.14.1"], ["3.10", "3.11", "3.14"]),
        *(
            (name, name.replace("-", "_"), values, values)
            for name, values in (
                ("start-method", ["fork", "spawn", "forkserver"]),
                ("fork-support", ["unset", "0", "1"]),
            )
        ),
        ("iam", "google_cloud_iam", ["0.2.0", "2.9.0", "2.10.0"], ["0.2.0", "2.9.0", "2.10.0"]),
    ],
)
def test_axis_of_each_setting(
    store: Store, name: str, setting: str, releases: list[str], named: list[str]
) -> None:
    """Each value has its cell, in order; a Python is named by its minor version."""
    newest = replace(ENVIRONMENT, grpcio=RELEASES["grpcio"][-1])
    stored = [verdict(replace(newest, **{setting: each}), ok=20) for each in releases]
    found = [cell for cell in axis(store(*reversed(stored)), FILE, name) if cell[1]]

    assert list(zip(named, stored, strict=True)) == found


def test_releases_of_the_client_are_compared_with_one_grpcio(store: Store) -> None:
    """What an old grpcio did with a release of google-cloud-iam is not that release's doing."""
    record = store(verdict(replace(ENVIRONMENT, grpcio=RELEASES["grpcio"][0]), ok=20))

    assert {None} == {cell for _, cell in axis(record, FILE, "iam")}


def test_axis_shows_the_newest_complete_cell_of_a_release(store: Store) -> None:
    """Of several releases of the others the newest is shown that has all its trials."""
    stored = [
        verdict(replace(ENVIRONMENT, grpcio=grpcio), **outcomes)
        for grpcio, outcomes in (
            ("1.9.9", {"hang": 20}),
            ("1.85.1", {"ok": 20}),
            ("1.85.3", {"ok": 7}),
        )
    ]
    found = axis(store(*stored), FILE, "python")

    assert ("3.10", stored[1]) == found[0]
    assert [None] * (len(PYTHONS) - 1) == [cell for _, cell in found[1:]]


def test_environments_that_differ_in_one_package_are_alike() -> None:
    """Releases of grpcio come together, then those of google-cloud-iam; settings never do."""
    older, newer = (replace(ENVIRONMENT, grpcio=release) for release in ("1.9.1", "1.85.3"))
    other_iam = [replace(newer, google_cloud_iam=release) for release in ("2.9.0", "2.10.0")]
    spawned = replace(ENVIRONMENT, start_method="spawn")

    groups = alike([newer, spawned, *reversed(other_iam), ENVIRONMENT, older])
    assert [[older, ENVIRONMENT, newer], [spawned], other_iam] == groups


def strip(*cells: Verdict | None) -> Strip:
    """Name the cells `0`, `1`, ... in their order."""
    return [(str(place), cell) for place, cell in enumerate(cells)]


def test_pairs_are_neighbours_among_the_measured_cells() -> None:
    """A step tells how many releases stand between them, of which nothing is shown."""
    well, hangs = counted(ok=20), counted(hang=20)
    found = pairs(FILE, "grpcio", strip(well, None, counted(ok=FEW - 1), hangs, well, None))

    assert [Step("grpcio", "0", "3", 2), Step("grpcio", "3", "4", 0)] == [
        pair.step for pair in found
    ]
    assert [(well, hangs), (hangs, well)] == [(pair.before, pair.after) for pair in found]


def test_change_is_a_pair_that_differs_by_more_than_luck() -> None:
    """All pairs that were compared are counted with it."""
    well, hangs, race = counted(ok=20), counted(hang=20), counted(ok=2, hang=18)
    found, compared = changes({"a": strip(well, hangs, race), "b": strip(well, well)}, "iam")

    assert 3 == compared
    assert [("a", Step("iam", "0", "1", 0))] == [(pair.file, pair.step) for pair in found]


def test_strips_of_every_file_are_one_family() -> None:
    """What would be a change alone is none among hundreds of pairs that are alike."""
    well, worse = counted(ok=20), counted(ok=10, hang=10)
    alone = {"a": strip(well, worse)}
    others = {str(number): strip(well, well) for number in range(300)}

    assert chance(counts(well.outcomes, worse.outcomes)) < LEVEL
    assert ([1], [0]) == tuple([len(changes(each, "iam")[0])] for each in (alone, alone | others))


def test_strips_have_every_file_of_the_book(store: Store) -> None:
    """One without a trial has a strip that shows nothing."""
    record = store(verdict(ENVIRONMENT, ok=20))
    found = strips(record, "grpcio")

    assert record.book.files() == [*found]
    assert {FILE} == {file for file, cells in found.items() for _, cell in cells if cell}


def choice_of(typed: str) -> tuple[Choice, list[str]]:
    """Return what the command makes of what a reader types: environments, and files."""
    _, _, arguments = typed.partition(" -- ")
    params = main.make_context("evidence", shlex.split(arguments)).params
    names = {field.name for field in fields(Choice)}
    chosen = Choice(**{name: value for name, value in params.items() if name in names})
    return chosen, list(params["recipe"])


@pytest.mark.parametrize("support", ["unset", "0"])
def test_command_makes_the_cell_and_no_other(support: str) -> None:
    """What is printed beside a cell is understood as exactly that cell."""
    environment = replace(ENVIRONMENT, start_method="spawn", fork_support=support)
    choice, files = choice_of(command(FILE, environment))

    assert [Wanted("3.10", "1.62.3", "2.27.0")] == choice.environments
    assert [(FILE, "spawn", support)] == choice.variants(files)


def test_command_of_environments_alike_makes_each_of_them() -> None:
    """One command repeats a row of several releases, and no cell beside them."""
    older = replace(ENVIRONMENT, grpcio="1.41.1")
    choice, files = choice_of(command(FILE, older, ENVIRONMENT))

    wanted = [Wanted("3.10", grpcio, "2.27.0") for grpcio in ("1.41.1", "1.62.3")]
    assert wanted == choice.environments
    assert [(FILE, "fork", "unset")] == choice.variants(files)


def test_command_stores_apart_from_the_book() -> None:
    """Beside the book's trials of the same cell nothing would be left to try."""
    assert command(FILE, ENVIRONMENT).endswith("--start-method fork --records repeated")
