"""The table of where the trials were made."""

from dataclasses import replace

from _ext.environments import environments, shortened
from tests.ext.made import ENVIRONMENT, TRIAL


def test_many_releases_are_named_by_the_first_and_the_last() -> None:
    """They are sorted as numbers, and counted."""
    assert "1.9.1, 1.10.0" == shortened(["1.10.0", "1.9.1", "1.10.0"])
    assert "1.9.1 to 1.12.0 (4 releases)" == shortened(["1.12.0", "1.10.0", "1.9.1", "1.11.0"])


def test_environments_that_differ_in_one_package_share_a_row() -> None:
    """Settings make no row of their own; another Python does."""
    here = replace(ENVIRONMENT, grpcio="1.85.3")
    others = [replace(here, grpcio=f"1.{minor}.0") for minor in (41, 42, 43)]
    spawned = replace(here, start_method="spawn", fork_support="0")
    newer = replace(here, python="3.14.1")
    every = [replace(TRIAL, environment=each) for each in (newer, spawned, here, *others)]
    _, _, *rows = [" ".join(line.split()) for line in environments(every).splitlines()]

    iam, system = here.google_cloud_iam, here.system
    assert [
        f"| 3.10.13 | 1.41.0 to 1.85.3 (4 releases) | {iam} | {system} | 5 | 2026-11-26 |",
        f"| 3.14.1 | 1.85.3 | {iam} | {system} | 1 | 2026-11-26 |",
    ] == rows
