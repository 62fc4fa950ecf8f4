"""Environments of chosen releases."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.evidence.measure.interpreters import (
    UvError,
    beside,
    build,
    folder_of,
    here,
    reason_of,
)
from tests.evidence.record.environment import Environment, Wanted, pinned
from tests.evidence.record.not_installed import NotInstalled
from tests.support.trials import REFUSED, WANTED

NO_SOLUTION = """\
error: No solution found when resolving dependencies
  cause: Because grpcio==1.48.2 has no usable wheels and you require grpcio==1.48.2, we can
         conclude that your requirements are unsatisfiable.

hint: Wheels are required for `grpcio` because building from source is disabled.
"""
Answer = Callable[..., "subprocess.CompletedProcess[str]"]


def failing_install(code: int, stderr: str) -> Answer:
    """Make the environment, and then fail to install into it."""

    def answer(*arguments: str) -> "subprocess.CompletedProcess[str]":
        if arguments[0] == "venv":
            Path(arguments[-1]).mkdir(parents=True)
            return subprocess.CompletedProcess(arguments, 0, "", "")
        return subprocess.CompletedProcess(arguments, code, "", stderr)

    return answer


def test_environment_has_the_releases_that_were_wanted(tmp_path: Path) -> None:
    """It is made once, by uv, with what the recipes and the runner need beside the client."""
    python = here().python
    wanted = Wanted(python, pinned("grpcio"), pinned("google-cloud-iam"))
    built = build(wanted, tmp_path)

    assert not isinstance(built, NotInstalled)
    assert (*wanted,) == (built.python, built.grpcio, built.google_cloud_iam)
    needed = "import anyio, opentelemetry, pkg_resources, psutil, pytest, trio"
    subprocess.check_call([built.path, "-W", "ignore", "-c", needed])
    cached = "from pathlib import Path; import grpc; print(Path(grpc.__cached__).exists())"
    compiled = subprocess.check_output([built.path, "-B", "-c", cached], text=True)
    assert "True\n" == compiled, "each new process would compile all that it imports"
    assert built == build(wanted, tmp_path, failing_install(1, "not made again"))
    assert [folder_of(wanted, tmp_path)] == [*tmp_path.iterdir()]


def test_recipes_say_what_they_need() -> None:
    """Their own lines of requirements are what is installed, but for the client's releases."""
    names = {Requirement(each).name for each in beside()}
    of_recipes = {"anyio", "opentelemetry-sdk", "pytest", "requests"}

    assert of_recipes | {"psutil", "setuptools"} == names


def test_releases_that_do_not_go_together_are_a_row(tmp_path: Path) -> None:
    """It says why, and nothing is left of the attempt."""
    built = build(WANTED, tmp_path, failing_install(1, NO_SOLUTION))

    assert isinstance(built, NotInstalled)
    assert "has no usable wheels" in built.reason
    assert REFUSED.releases == built.releases
    assert [] == [*tmp_path.iterdir()]


def test_index_that_does_not_answer_says_nothing_of_a_release(tmp_path: Path) -> None:
    """It is an error, not a row."""
    with pytest.raises(UvError, match="error: Failed to fetch"):
        build(WANTED, tmp_path, failing_install(2, "error: Failed to fetch"))
    assert [] == [*tmp_path.iterdir()]


def test_python_that_is_not_here_is_an_error(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UvError, match=r"no Python 3\.1\.99"):
        build(Wanted("3.1.99"), tmp_path)


def test_environment_of_a_run_has_the_interpreters_releases() -> None:
    """The settings are the run's, the system is this one."""
    interpreter = here()

    assert Environment.here("spawn", "1") == interpreter.environment("spawn", "1")


def test_reason_is_one_line() -> None:
    """What uv says of a release without a wheel fits into a cell of a table."""
    assert (
        "error: No solution found when resolving dependencies cause: Because grpcio==1.48.2 has no "
        "usable wheels and you require grpcio==1.48.2, we can conclude that your requirements are "
        "unsatisfiable."
    ) == reason_of(NO_SOLUTION)


def test_environments_do_not_share_a_folder() -> None:
    """Each choice of releases has its own."""
    python = "3.10"
    choices = (
        Wanted(python),
        Wanted(python, "1.62.3"),
        Wanted(python, None, "1.62.3"),
        Wanted("3.11"),
    )

    assert 4 == len({folder_of(wanted) for wanted in choices})
