"""Environments of chosen releases."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.evidence import environments
from tests.evidence.environments import (
    NotInstalled,
    UvError,
    Wanted,
    beside,
    build,
    here,
    keep,
    merge_refused,
    reason_of,
    refused,
)
from tests.evidence.verdicts import pinned

UV = """\
error: No solution found when resolving dependencies
  cause: Because grpcio==1.48.2 has no usable wheels and you require grpcio==1.48.2, we can
         conclude that your requirements are unsatisfiable.

hint: Wheels are required for `grpcio` because building from source is disabled.
"""
REFUSED = NotInstalled("3.11", "1.48.2", "newest", "no wheel", "2026-11-26")
WANTED = Wanted("3.11", "1.48.2")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build below a folder of the test's own."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "environments")
    return tmp_path / "environments"


Uv = Callable[[int, str], None]


@pytest.fixture
def failing_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Uv:
    """Let uv make the environment, and then fail to install into it."""

    def fail(code: int, stderr: str) -> None:
        def answer(*arguments: str) -> "subprocess.CompletedProcess[str]":
            if arguments[0] == "venv":
                Path(arguments[-1]).mkdir(parents=True)
                return subprocess.CompletedProcess(arguments, 0, "", "")
            return subprocess.CompletedProcess(arguments, code, "", stderr)

        monkeypatch.setattr(environments, "_uv", answer)

    return fail


def test_environment_has_the_releases_that_were_wanted(folder: Path) -> None:
    """It is made once, by uv, with what the recipes and the runner need beside the client."""
    python = here().python
    wanted = Wanted(python, pinned("grpcio"), pinned("google-cloud-iam"))
    built = build(wanted)

    assert not isinstance(built, NotInstalled)
    assert (*wanted,) == (built.python, built.grpcio, built.google_cloud_iam)
    needed = "import anyio, opentelemetry, pkg_resources, psutil, pytest, trio"
    subprocess.check_call([built.path, "-W", "ignore", "-c", needed])
    cached = "from pathlib import Path; import grpc; print(Path(grpc.__cached__).exists())"
    compiled = subprocess.check_output([built.path, "-B", "-c", cached], text=True)
    assert "True\n" == compiled, "each new process would compile all that it imports"
    assert built == build(wanted)
    assert [wanted.folder] == [*folder.iterdir()]


def test_recipes_say_what_they_need() -> None:
    """Their own lines of requirements are what is installed, but for the client's releases."""
    names = {Requirement(it).name for it in beside()}
    of_recipes = {"anyio", "opentelemetry-sdk", "pytest", "requests", "rich"}

    assert of_recipes | {"psutil", "setuptools"} == names


def test_releases_that_do_not_go_together_are_a_row(folder: Path, failing_install: Uv) -> None:
    """It says why, and nothing is left of the attempt."""
    failing_install(1, UV)
    built = build(WANTED)

    assert isinstance(built, NotInstalled)
    assert "has no usable wheels" in built.reason
    assert REFUSED == NotInstalled(**{**vars(built), "reason": "no wheel", "date": REFUSED.date})
    assert [] == [*folder.iterdir()]


def test_index_that_does_not_answer_says_nothing_of_a_release(
    folder: Path, failing_install: Uv
) -> None:
    """It is an error, not a row."""
    failing_install(2, "error: Failed to fetch")

    with pytest.raises(UvError, match="error: Failed to fetch"):
        build(WANTED)
    assert [] == [*folder.iterdir()]


def test_python_that_is_not_here_is_an_error(folder: Path) -> None:
    """It is named."""
    with pytest.raises(UvError, match=r"no Python 3\.1\.99"):
        build(Wanted("3.1.99"))


def test_reason_is_one_line() -> None:
    """What uv says of a release without a wheel fits into a cell of a table."""
    assert (
        "error: No solution found when resolving dependencies cause: Because grpcio==1.48.2 has no "
        "usable wheels and you require grpcio==1.48.2, we can conclude that your requirements are "
        "unsatisfiable."
    ) == reason_of(UV)


def test_row_is_kept_once_and_goes_when_it_is_wrong(tmp_path: Path) -> None:
    """What could not be installed is a row until it can be."""
    other = NotInstalled("3.11", "newest", "0.1.0", "no such release", "2026-11-26")
    keep(WANTED, REFUSED, tmp_path)
    keep(Wanted("3.11", None, "0.1.0"), other, tmp_path)
    keep(WANTED, REFUSED, tmp_path)
    assert [other, REFUSED] == refused(tmp_path)

    keep(WANTED, here(), tmp_path)
    assert [other] == refused(tmp_path)


def test_rows_of_a_shard_are_merged(tmp_path: Path) -> None:
    """They are added to those that are there."""
    keep(WANTED, REFUSED, tmp_path / "shard")
    merge_refused(tmp_path / "shard", tmp_path)
    merge_refused(tmp_path / "shard", tmp_path)

    assert [REFUSED] == refused(tmp_path)
    assert [] == refused(tmp_path / "nothing")


def test_environments_do_not_share_a_folder() -> None:
    """Each choice of releases has its own."""
    python = "3.10"
    folders = {
        Wanted(*it).folder
        for it in ((python,), (python, "1.62.3"), (python, None, "1.62.3"), ("3.11",))
    }

    assert 4 == len(folders)
