"""The table of outcomes by start method."""

from dataclasses import replace
from pathlib import Path

import pytest

from _ext.verdicts import by_outcome, verdicts
from tests.evidence.record.environment import pinned
from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, TRIAL, made, store

FILE = "processes/create_in_pool_worker_broken"
PINNED = replace(ENVIRONMENT, grpcio=pinned("grpcio"), google_cloud_iam=pinned("google-cloud-iam"))


def test_environments_in_which_all_trials_ended_alike_share_a_row() -> None:
    """A row holds one way to end, in however many environments, or one environment of a race."""
    older = replace(TRIAL, environment=replace(ENVIRONMENT, python="3.9.9"))
    lost = replace(older, outcome="lost")
    oldest = replace(lost, environment=replace(lost.environment, python="3.8.8"))

    assert [[older, TRIAL]] == by_outcome([TRIAL, older])
    assert [[oldest], [older, lost], [TRIAL]] == by_outcome([TRIAL, older, lost, oldest])


def test_table_has_the_pinned_releases_by_start_method_and_setting(tmp_path: Path) -> None:
    """The setting has a column only where it is asked for; what was not tried is an error."""
    record = Record(tmp_path)
    for method in record.book.start_methods(FILE):
        store(record, made(FILE, replace(PINNED, start_method=method), hang=20))
    store(record, made(FILE, ENVIRONMENT, ok=20))
    head, _, first, *_ = verdicts(record, FILE).splitlines()

    assert head.startswith("| start method | outcome | trials | failures (95% interval) |")
    assert first.startswith("| fork | [`hang` 20]{.outcome-fail} | 20 | 80% to 100% | 3.10.13 |")
    with pytest.raises(LookupError, match="--fork-support 0"):
        verdicts(record, FILE, ["unset", "0"])
    for method in record.book.start_methods(FILE):
        store(record, made(FILE, replace(PINNED, start_method=method, fork_support="0"), ok=1))
    assert "| 0 | spawn | [`ok` 1]{.outcome-ok} |" in verdicts(record, FILE, ["unset", "0"])
