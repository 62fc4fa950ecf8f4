"""What a trial ran in."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.record.environment import (
    Environment,
    Wanted,
    is_pinned,
    minor,
    newness,
    pinned,
)

HERE = Environment.here("fork")


def test_minor_version_has_two_numbers() -> None:
    """A patch or a pre-release of Python belongs to its minor version."""
    assert ["3.10", "3.14", "3.9"] == [minor(each) for each in ("3.10.13", "3.14.0rc2", "3.9")]


def test_newness_compares_releases_as_numbers() -> None:
    """Python comes first, then grpcio, then google-cloud-iam."""
    other = {"python": "3.9.1", "grpcio": "1.9.0", "google_cloud_iam": "0.9.0"}
    older = [replace(HERE, **{name: release}) for name, release in other.items()]
    mixed = [older[2], older[0], older[1]]

    assert older == sorted(mixed, key=newness)
    assert all(newness(each) < newness(HERE) for each in older)


def test_pinned_is_what_the_tests_run_with() -> None:
    """The environment of the tests has the releases of requirements.txt."""
    assert (HERE.grpcio, HERE.google_cloud_iam) == (pinned("grpcio"), pinned("google-cloud-iam"))


def test_other_python_is_pinned_and_other_packages_are_not() -> None:
    """Requirements pin packages."""
    assert is_pinned(replace(HERE, python="3.99.0"))
    assert not is_pinned(replace(HERE, grpcio="1.41.1"))
    assert not is_pinned(replace(HERE, google_cloud_iam="0.2.0"))


def test_package_that_is_not_pinned_is_named(tmp_path: Path) -> None:
    """It is an error, and a name that begins alike is another package."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("grpcio-status==1.0.0\nabc==2.0.0\n", "utf-8")

    assert "2.0.0" == pinned("abc", requirements)
    with pytest.raises(LookupError, match=r"requirements\.txt pins no grpcio"):
        pinned("grpcio", requirements)


def test_releases_are_said_in_the_words_of_an_installer() -> None:
    """One that is not named may be any."""
    assert ["grpcio==1.2.3", "google-cloud-iam"] == Wanted("3.11", "1.2.3").requirements
