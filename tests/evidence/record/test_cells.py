"""What a cell shows, which of several is shown along an axis, and what repeats it."""

import shlex
from dataclasses import fields, replace

import pytest

from tests.evidence import cells
from tests.evidence.cells import Kind, alike, axis, command, kind, kinds, minor, worth
from tests.evidence.environments import Wanted
from tests.evidence.measure import main
from tests.evidence.plan import PYTHONS, RELEASES, Choice
from tests.evidence.test_verdicts import counted
from tests.evidence.trials import Environment
from tests.evidence.verdicts import Verdict

FILE = "processes/create_in_pool_worker"
ENVIRONMENT = Environment("3.10.13", "1.62.3", "2.27.0", "fork", "unset", "Linux")


def verdict(environment: Environment, **outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome in one environment."""
    trials = counted(**outcomes).trials
    return Verdict(FILE, tuple(replace(trial, environment=environment) for trial in trials))


def store(monkeypatch: pytest.MonkeyPatch, *stored: Verdict) -> None:
    """Let these be all that is stored of any file."""
    found = {it.environments[0]: it for it in stored}
    monkeypatch.setattr(cells, "verdicts_by_environment", lambda file: found)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, "not measured"),
        (counted(ok=19), "not measured"),
        (counted(hang=19), "not measured"),
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


def test_kinds_count_each_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment counts as one, however many trials it has."""
    spawned = replace(ENVIRONMENT, start_method="spawn")
    older = replace(ENVIRONMENT, grpcio="1.41.1")
    store(
        monkeypatch,
        verdict(ENVIRONMENT, ok=60),
        verdict(spawned, hang=20),
        verdict(older, ok=3),
    )

    assert {"held": 1, "failed": 1, "not measured": 1} == kinds(FILE)


def test_minor_version_has_two_numbers() -> None:
    """A patch or a pre-release of Python belongs to its minor version."""
    assert ["3.10", "3.14", "3.9"] == [minor(it) for it in ("3.10.13", "3.14.0rc2", "3.9")]


def test_newest_complete_cell_is_worth_most() -> None:
    """Versions are compared as numbers, and a cell of too few trials stands behind each other."""
    old, new = (replace(ENVIRONMENT, grpcio=it) for it in ("1.9.1", "1.62.3"))
    newest = replace(ENVIRONMENT, python="3.14.1")
    found = [(it, verdict(it, ok=20)) for it in (new, old)] + [(newest, verdict(newest, ok=19))]

    assert [newest, old, new] == [environment for environment, _ in sorted(found, key=worth)]


def test_axis_varies_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases stand in the plan's order; what differs in another thing is left out."""
    oldest = replace(ENVIRONMENT, grpcio="1.41.1")
    first, second = verdict(oldest, hang=20), verdict(ENVIRONMENT, ok=20)
    others = {"python": "3.11.7", "start_method": "spawn", "fork_support": "1"}
    elsewhere = [
        verdict(replace(oldest, grpcio="1.42.0", **{name: it}), ok=20)
        for name, it in others.items()
    ]
    store(monkeypatch, second, first, *elsewhere)
    found = axis(FILE, "grpcio")

    assert RELEASES["grpcio"] == [release for release, _ in found]
    assert [("1.41.1", first), ("1.62.3", second)] == [it for it in found if it[1]]


@pytest.mark.parametrize(
    ("name", "setting", "releases"),
    [
        ("python", "python", ["3.10.13", "3.11.7", "3.14.1"]),
        ("start-method", "start_method", ["fork", "spawn", "forkserver"]),
        ("fork-support", "fork_support", ["unset", "0", "1"]),
        ("iam", "google_cloud_iam", ["0.2.0", "2.9.0", "2.10.0"]),
    ],
)
def test_axis_of_each_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, setting: str, releases: list[str]
) -> None:
    """Each value has its cell, in order; a Python is named by its minor version."""
    newest = replace(ENVIRONMENT, grpcio=RELEASES["grpcio"][-1])
    stored = [verdict(replace(newest, **{setting: it}), ok=20) for it in releases]
    store(monkeypatch, *reversed(stored))
    found = [(release, it) for release, it in axis(FILE, name) if it]

    named = [minor(it) for it in releases] if name == "python" else releases
    assert list(zip(named, stored, strict=True)) == found


def test_releases_of_the_client_are_compared_with_one_grpcio(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an old grpcio did with a release of google-cloud-iam is not that release's doing."""
    store(monkeypatch, verdict(replace(ENVIRONMENT, grpcio=RELEASES["grpcio"][0]), ok=20))

    assert {None} == {it for _, it in axis(FILE, "iam")}


def test_axis_shows_the_newest_complete_cell_of_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several releases of the others the newest is shown that has all its trials."""
    stored = [
        verdict(replace(ENVIRONMENT, grpcio=grpcio), **outcomes)
        for grpcio, outcomes in (
            ("1.9.9", {"hang": 20}),
            ("1.85.1", {"ok": 20}),
            ("1.85.3", {"ok": 7}),
        )
    ]
    store(monkeypatch, *stored)

    assert [("3.10", stored[1])] == axis(FILE, "python")[:1]
    assert [None] * (len(PYTHONS) - 1) == [it for _, it in axis(FILE, "python")[1:]]


def test_environments_that_differ_in_one_package_are_alike() -> None:
    """Releases of grpcio come together, then those of google-cloud-iam; settings never do."""
    older, newer = (replace(ENVIRONMENT, grpcio=it) for it in ("1.9.1", "1.85.3"))
    other_iam = [replace(newer, google_cloud_iam=it) for it in ("2.9.0", "2.10.0")]
    spawned = replace(ENVIRONMENT, start_method="spawn")

    groups = alike([newer, spawned, *reversed(other_iam), ENVIRONMENT, older])
    assert [[older, ENVIRONMENT, newer], [spawned], other_iam] == groups


def choice_of(typed: str) -> tuple[Choice, list[str]]:
    """Return what the command makes of what a reader types: environments, and files."""
    _, _, arguments = typed.partition(" -- ")
    params = main.make_context("evidence", shlex.split(arguments)).params
    names = {field.name for field in fields(Choice)}
    chosen = Choice(**{name: it for name, it in params.items() if name in names})
    return chosen, list(params["recipe"])


@pytest.mark.parametrize("support", ["unset", "0"])
def test_command_makes_the_cell_and_no_other(support: str) -> None:
    """What is printed beside a cell is understood as exactly that cell."""
    environment = replace(ENVIRONMENT, start_method="spawn", fork_support=support)
    choice, files = choice_of(command(FILE, environment))

    assert [Wanted("3.10", "1.62.3", "2.27.0")] == choice.environments
    assert [(FILE, "spawn", support)] == choice.cells(files)


def test_command_of_environments_alike_makes_each_of_them() -> None:
    """One command repeats a row of several releases, and no cell beside them."""
    older = replace(ENVIRONMENT, grpcio="1.41.1")
    choice, files = choice_of(command(FILE, older, ENVIRONMENT))

    wanted = [Wanted("3.10", grpcio, "2.27.0") for grpcio in ("1.41.1", "1.62.3")]
    assert wanted == choice.environments
    assert [(FILE, "fork", "unset")] == choice.cells(files)


def test_command_stores_apart_from_the_book() -> None:
    """Beside the book's trials of the same cell nothing would be left to try."""
    assert command(FILE, ENVIRONMENT).endswith("--start-method fork --records repeated")
