"""The tables of the forks."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from docutils import nodes

from _ext.base import badge
from _ext.fork_matrix import (
    CHILDREN,
    PARENTS,
    by_release,
    by_setting,
    changes,
    conditions,
    errors,
    last_change,
)
from tests.evidence.fork_matrix.measure import CELLS
from tests.evidence.fork_matrix.test_trials import REFUSED, TRIAL
from tests.evidence.fork_matrix.trials import ForkTrial, read
from tests.ext.made import build

WELL = replace(TRIAL, child_outcome="ok")
CELL = ("busy", "reuse")
NEW = replace(WELL, grpcio="1.100.0")


def rows(table: str) -> list[list[str]]:
    """Split a Markdown table into its rows, without the heading."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
        if line
    ]


def test_outcomes_are_counted_by_release_oldest_first() -> None:
    """Numbers of a version are compared as numbers, and an unwell parent is shown."""
    unwell = replace(TRIAL, parent_outcome="crash SIGSEGV")
    table = by_release([NEW, TRIAL, TRIAL, unwell], [CELL], "unset")

    assert [
        [
            "1.85.1",
            f"{badge('hang', 3)} parent: {badge('ok', 2)} {badge('crash SIGSEGV', 1)}",
        ],
        ["1.100.0", badge("ok", 1)],
    ] == rows(table)


def test_parent_without_child_is_shown() -> None:
    """A fork that never came to make a child is counted as such."""
    frozen = replace(TRIAL, child_outcome=None, parent_outcome="hang in os.fork()")
    table = by_release([frozen], [CELL], "unset")

    assert f"{badge('no child', 1)} parent: {badge('hang in os.fork()', 1)}" in table


def test_release_that_cannot_be_installed_has_a_row() -> None:
    """It says why, on which Python."""
    table = by_release([TRIAL, REFUSED], [CELL], "unset")

    assert ["1.48.2", "3.11.1", "none: no wheel"] in rows(table)


def test_other_settings_and_uses_are_not_counted() -> None:
    """A cell counts its own state, use and value of the variable alone."""
    others = [
        replace(TRIAL, parent="idle"),
        replace(TRIAL, child="fresh"),
        replace(TRIAL, fork_support="1"),
    ]

    assert [["1.85.1", badge("hang", 1)]] == rows(by_release([TRIAL, *others], [CELL], "unset"))


def test_settings_stand_side_by_side() -> None:
    """One release has a column for each value, and says where nothing was tried."""
    lines = [TRIAL, replace(WELL, fork_support="1"), NEW]

    assert [
        [PARENTS["busy"], CHILDREN["reuse"], badge("hang", 1), "not tried", badge("ok", 1)]
    ] == (rows(by_setting(lines, "1.85.1", "3.10")))


def test_release_or_python_without_forks_is_an_error() -> None:
    """A table is never empty; the message has the command that makes the forks."""
    with pytest.raises(LookupError, match=r"measure --cell imported:"):
        by_setting([TRIAL], "1.85.1", "3.1")
    with pytest.raises(LookupError, match=r"measure --cell idle:"):
        by_release([TRIAL], [("idle", "reuse")], "unset")
    with pytest.raises(LookupError, match="no stored fork"):
        conditions([REFUSED])


@pytest.mark.parametrize(("failures", "found"), [(0, 1), (2, 1), (3, 0), (10, 0)])
def test_change_is_more_than_luck(failures: int, found: int) -> None:
    """Ten failures of ten, then so many of ten: a change only where luck does not explain it."""
    after = [replace(NEW, child_outcome="hang")] * failures + [NEW] * (10 - failures)
    shown = list(changes([TRIAL] * 10 + after, "3.10", "unset"))

    assert found == len(shown)
    assert all("1.85.1 and 1.100.0" == row["between grpcio"] for row in shown)


def test_change_is_of_neighbours() -> None:
    """A release in between takes the change upon itself."""
    between = replace(NEW, grpcio="1.90.0")
    lines: list[ForkTrial] = [TRIAL] * 10 + [between] * 10 + [NEW] * 10

    assert ["1.85.1 and 1.90.0"] == [
        row["between grpcio"] for row in changes(lines, "3.10", "unset")
    ]


def test_last_change_is_the_newest_release_that_differs() -> None:
    """A sentence names the release of the last change, whatever changed before it."""
    worse = replace(NEW, grpcio="1.90.0", child_outcome="crash SIGSEGV")
    well_again = replace(NEW, grpcio="1.95.0")
    lines: list[ForkTrial] = [WELL] * 10 + [worse] * 10 + [well_again] * 10 + [NEW] * 10

    assert "1.95.0" == last_change(lines, CELL, "unset")
    with pytest.raises(LookupError, match="nothing changed in busy:reuse"):
        last_change(lines, CELL, "1")


def test_errors_are_quoted_with_their_release() -> None:
    """Each text of an error is counted among the forks of its release."""
    failed = replace(TRIAL, child_error="503 sendmsg: Bad file descriptor (9)")
    table = errors([NEW, failed, WELL], CELL, "unset")

    assert [["1.85.1", "`503 sendmsg: Bad file descriptor (9)`", "1 of 2"]] == rows(table)
    with pytest.raises(LookupError, match=r"measure --cell busy:reuse"):
        errors([WELL], CELL, "unset")


def test_page_shows_the_errors_of_its_situation(tmp_path: Path) -> None:
    """The directive takes the state of the parent first, and counts forks without a setting."""
    (tmp_path / "index.md").write_text("# Errors\n\n:::{fork-errors} idle:reuse\n:::\n")
    extensions = ["myst_parser", "_ext.fork_matrix"]
    (tmp_path / "conf.py").write_text(
        f"extensions = {extensions}\nmyst_enable_extensions = ['colon_fence']\n"
    )
    build(tmp_path, "-b", "dummy").check_returncode()
    document = pickle.loads((tmp_path / "index.doctree").read_bytes())  # noqa: S301
    shown = [[entry.astext() for entry in row] for row in document.findall(nodes.row)]
    wanted = rows(errors(read(), ("idle", "reuse"), "unset").replace("`", ""))

    assert wanted == shown[1:]


def test_every_situation_has_words() -> None:
    """A state or use that the probe knows is told in words on the pages."""
    assert {parent for parent, _ in CELLS} == set(PARENTS)
    assert {child for _, child in CELLS} == set(CHILDREN)


def test_conditions_name_every_version() -> None:
    """Dates, releases and counts are those of the trials."""
    text = conditions([TRIAL, TRIAL, replace(NEW, date="2026-11-25")])

    assert "2026-11-24 to 2026-11-25: 3 forks, 1 to 2 of each" in text
    assert "grpcio 1.85.1, 1.100.0" in text
