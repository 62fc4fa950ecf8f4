"""Releases that could not be installed together."""

from pathlib import Path

from tests.evidence.record.environment import Wanted
from tests.evidence.record.not_installed import NotInstalled, NotInstalledTable
from tests.support.trials import REFUSED, WANTED

OTHER = NotInstalled("3.11", "newest", "0.1.0", "no such release", "2026-11-26")


def test_row_is_kept_once_and_goes_when_it_is_wrong(tmp_path: Path) -> None:
    """What could not be installed is a row until it can be."""
    table = NotInstalledTable(tmp_path)
    table.keep(WANTED, REFUSED)
    table.keep(Wanted("3.11", None, "0.1.0"), OTHER)
    table.keep(WANTED, REFUSED)
    assert [OTHER, REFUSED] == table.read()

    table.keep(WANTED, None)
    assert [OTHER] == table.read()


def test_rows_of_a_shard_are_merged(tmp_path: Path) -> None:
    """They are added to those that are there."""
    table, shard = NotInstalledTable(tmp_path), NotInstalledTable(tmp_path / "shard")
    shard.keep(WANTED, REFUSED)
    table.merge(shard)
    table.merge(shard)

    assert [REFUSED] == table.read()
    assert [] == NotInstalledTable(tmp_path / "nothing").read()


def test_row_names_what_was_wanted() -> None:
    """Where any release would do it says so."""
    refused = NotInstalled.of(Wanted("3.11", None, "0.1.0"), OTHER.reason)

    assert OTHER.releases == refused.releases == ("3.11", "newest", "0.1.0")
    assert OTHER.reason == refused.reason
