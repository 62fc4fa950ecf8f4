"""What is to be measured."""

import pytest
from packaging.version import Version

from tests.evidence.environments import Wanted
from tests.evidence.plan import AXES, PYTHON, PYTHONS, RELEASES, Choice
from tests.evidence.trials import recipe_files
from tests.evidence.verdicts import pinned

ON_GOOGLES_PAGE = """
    0.2.0 0.3.2 1.0.3 2.0.0 2.1.0 2.2.0 2.3.2 2.4.0 2.5.1 2.6.2 2.7.0 2.8.2 2.9.0 2.10.0 2.11.2
    2.12.1 2.13.0 2.14.3 2.15.2 2.16.1 2.17.0 2.18.3 2.19.0 2.19.1
"""
POOL, TWIN, THREADS = (
    "processes/create_in_pool_worker",
    "processes/create_in_pool_worker_broken",
    "threads/share_one_client",
)


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
    minors = [Version(it).release[:2] for it in RELEASES["grpcio"]]

    assert (1, 41) == minors[0]
    assert Version(pinned("grpcio")).release[:2] == minors[-1]
    assert sorted(set(minors)) == minors


def test_axis_differs_in_one_thing() -> None:
    """What is not the axis is the default, or the newest that the rest admits."""
    assert {(PYTHON, None)} == {(it.python, it.google_cloud_iam) for it in AXES["grpcio"]}
    assert {(PYTHON, None)} == {(it.python, it.grpcio) for it in AXES["iam"]}
    assert [Wanted(it) for it in PYTHONS] == AXES["python"]


def test_axis_tries_every_file_with_one_start_method() -> None:
    """The first that makes a difference to the file."""
    cells = Choice("grpcio").cells(recipe_files())

    assert recipe_files() == [cell.file for cell in cells]
    assert (POOL, "fork", "unset") in cells
    assert ("processes/preload_forkserver", "forkserver", "unset") in cells


def test_axis_can_be_narrowed() -> None:
    """To releases of it, or to what it shares with a choice."""
    some = Choice("grpcio", grpcio=("1.62.3", "1.76.0"))

    assert [Wanted(PYTHON, "1.76.0"), Wanted(PYTHON, "1.62.3")] == some.environments
    assert [Wanted("3.12")] == Choice("python", python=("3.12",)).environments
    assert [] == Choice("grpcio", python=("3.12",)).environments


def test_releases_make_environments_of_all_their_combinations() -> None:
    """What is not named is the plan's Python, or the newest that the others admit."""
    assert [None] == Choice().environments
    assert [Wanted(PYTHON, "1.62.3")] == Choice(grpcio=("1.62.3",)).environments
    assert [
        Wanted("3.11", "1.62.3", "2.0.0"),
        Wanted("3.12", "1.62.3", "2.0.0"),
    ] == Choice(python=("3.11", "3.12"), grpcio=("1.62.3",), iam=("2.0.0",)).environments


def test_cells_without_an_axis_are_all_variants() -> None:
    """Every start method that makes a difference, or those that are named."""
    every = ["fork", "spawn", "forkserver"]

    assert every == [cell.start_method for cell in Choice().cells([TWIN])]
    assert [(TWIN, "spawn", "1")] == Choice(start_method=("spawn",), fork_support=("1",)).cells(
        [TWIN, THREADS]
    )


def test_fork_support_is_an_axis_of_its_own() -> None:
    """Unset, 0 and 1."""
    cells = Choice("fork-support").cells([TWIN])

    assert ["unset", "0", "1"] == [cell.fork_support for cell in cells]
