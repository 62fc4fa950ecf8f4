"""The tables of the forks."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
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
    changes_in_order,
    conditions,
    errors,
    last_change,
    named,
)
from tests.book import ROOT
from tests.evidence.fork_matrix.situations import SITUATIONS, Situation
from tests.evidence.fork_matrix.trials import RECORD, ForkRecord, ForkTrial
from tests.support.forks import HANG, REFUSED

WELL = replace(HANG, child_outcome="ok")
SITUATION = Situation("busy", "reuse")


def with_settings(trial: ForkTrial, **settings: str) -> ForkTrial:
    """Return a trial in an environment that differs in these."""
    return replace(trial, environment=replace(trial.environment, **settings))


NEW = with_settings(WELL, grpcio="1.100.0")


def rows(table: str) -> list[list[str]]:
    """Split a Markdown table into its rows, without the heading."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
        if line
    ]


def test_outcomes_are_counted_by_release_oldest_first() -> None:
    """Numbers of a version are compared as numbers, and an unwell parent is shown."""
    unwell = replace(HANG, parent_outcome="crash SIGSEGV")
    table = by_release([NEW, HANG, HANG, unwell], [], [SITUATION], "unset")

    assert [
        [
            "1.85.1",
            f"{badge('hang', 3)} parent: {badge('ok', 2)} {badge('crash SIGSEGV', 1)}",
        ],
        ["1.100.0", badge("ok", 1)],
    ] == rows(table)


def test_parent_without_child_is_shown() -> None:
    """A fork that never came to make a child is counted as such."""
    frozen = replace(HANG, child_outcome=None, parent_outcome="hang in os.fork()")
    table = by_release([frozen], [], [SITUATION], "unset")

    assert f"{badge('no child', 1)} parent: {badge('hang in os.fork()', 1)}" in table


def test_release_that_cannot_be_installed_has_a_row() -> None:
    """It says why, on which Python."""
    table = by_release([HANG], [REFUSED], [SITUATION], "unset")

    assert [
        ["1.48.2", "3.11", "none: no wheel"],
        ["1.85.1", "3.10.1", badge("hang", 1)],
    ] == rows(table)


def test_other_settings_and_uses_are_not_counted() -> None:
    """A cell counts its own state, use and value of the variable alone."""
    others = [
        replace(HANG, situation=Situation("idle", "reuse")),
        replace(HANG, situation=Situation("busy", "fresh")),
        with_settings(HANG, fork_support="1"),
    ]
    table = by_release([HANG, *others], [], [SITUATION], "unset")

    assert [["1.85.1", badge("hang", 1)]] == rows(table)


def test_settings_stand_side_by_side() -> None:
    """One release has a column for each value, and says where nothing was tried."""
    trials = [HANG, with_settings(WELL, fork_support="1"), NEW]

    assert [
        [PARENTS["busy"], CHILDREN["reuse"], badge("hang", 1), "not tried", badge("ok", 1)]
    ] == rows(by_setting(trials, "1.85.1", "3.10"))


def test_release_or_python_without_forks_is_an_error() -> None:
    """A table is never empty; the message has the command that makes the forks."""
    with pytest.raises(LookupError, match=r"measure --cell imported:"):
        by_setting([HANG], "1.85.1", "3.1")
    with pytest.raises(LookupError, match=r"measure --cell idle:"):
        by_release([HANG], [], [Situation("idle", "reuse")], "unset")
    with pytest.raises(LookupError, match="no stored fork"):
        conditions([])
    with pytest.raises(LookupError, match="no situation busy:asleep; there are imported:fresh"):
        named("busy:asleep")


def test_changes_stand_in_the_order_of_releases() -> None:
    """The oldest comes first, whichever situation it is of, with both counts."""
    earlier = replace(HANG, situation=Situation("aio", "fresh"))
    later = [HANG] * 10 + [NEW] * 10
    trials = [*later, *[with_settings(earlier, grpcio="1.9.0")] * 10]
    trials += [replace(earlier, child_outcome="ok")] * 10

    assert [
        ["1.9.0 and 1.85.1", badge("hang", 10), badge("ok", 10)],
        ["1.85.1 and 1.100.0", badge("hang", 10), badge("ok", 10)],
    ] == [[row[0], *row[2:]] for row in rows(changes_in_order(trials, "3.10", "unset"))]
    with pytest.raises(LookupError, match="nothing changed between releases with 1"):
        changes_in_order(trials, "3.10", "1")


def test_last_change_is_the_newest_release_that_differs() -> None:
    """A sentence names the release of the last change, whatever changed before it."""
    worse = with_settings(replace(NEW, child_outcome="crash SIGSEGV"), grpcio="1.90.0")
    well_again = with_settings(NEW, grpcio="1.95.0")
    trials = [WELL] * 10 + [worse] * 10 + [well_again] * 10 + [NEW] * 10
    other = Situation("busy", "fresh")
    trials += [replace(well_again, situation=other)] * 10
    trials += [replace(NEW, situation=other, child_outcome="hang")] * 10

    assert "1.100.0" == last_change(trials, other, "unset")
    assert "1.95.0" == last_change(trials, SITUATION, "unset")
    with pytest.raises(LookupError, match="nothing changed in busy:reuse"):
        last_change(trials, SITUATION, "1")


def test_sentence_names_no_change_that_the_table_does_not_show() -> None:
    """The release that a sentence names for a stored situation stands in the table of changes."""
    trials = RECORD.of_today()
    shown = {row[0].split()[-1] for row in rows(changes_in_order(trials, "3.10", "unset"))}

    assert last_change(trials, named("busy:fresh"), "unset") in shown


def test_errors_are_quoted_with_their_release() -> None:
    """Each text of an error is counted among the forks of its release."""
    failed = replace(HANG, child_error="503 sendmsg: Bad file descriptor (9)")
    table = errors([NEW, failed, WELL], SITUATION, "unset")

    assert [["1.85.1", "`503 sendmsg: Bad file descriptor (9)`", "1 of 2"]] == rows(table)
    with pytest.raises(LookupError, match=r"measure --cell busy:reuse"):
        errors([WELL], SITUATION, "unset")


def test_page_shows_the_errors_of_its_situation(tmp_path: Path) -> None:
    """The directive takes the state of the parent first, and counts forks without a setting."""
    failed = replace(HANG, child_error="Socket closed")
    trials = [failed, with_settings(failed, fork_support="1"), WELL]
    shown = built(tmp_path, ":::{fork-errors} busy:reuse\n:::", trials)
    table = [[entry.astext() for entry in row] for row in shown.findall(nodes.row)]

    assert [["1.85.1", "Socket closed", "1 of 2"]] == table[1:]


def test_sentence_shows_the_release_of_the_last_change(tmp_path: Path) -> None:
    """The role takes the state of the parent, what its child does, and a value of the variable."""
    newer = with_settings(NEW, grpcio="1.110.0")
    trials = [HANG] * 10 + [NEW] * 10
    trials += [with_settings(trial, fork_support="1") for trial in [HANG] * 10 + [newer] * 10]
    text = "{fork-change}`busy:reuse`, {fork-change}`busy:reuse:1`"

    assert "1.100.0, 1.110.0" in built(tmp_path, text, trials).astext()


def built(folder: Path, text: str, trials: Iterable[ForkTrial]) -> nodes.document:
    """Build a site of one page that draws from a record of these trials; return the page."""
    record = ForkRecord(folder)
    for trial in trials:
        record.append(trial)
    (folder / "index.md").write_text(f"# Forks\n\n{text}\n", "utf-8")
    (folder / "conf.py").write_text(
        f"import sys\nsys.path[:0] = {[str(ROOT), str(ROOT / 'docs')]}\n"
        "from pathlib import Path\n"
        "from tests.evidence.fork_matrix.trials import ForkRecord\n"
        "extensions = ['myst_parser', '_ext.fork_matrix']\n"
        "myst_enable_extensions = ['colon_fence']\n"
        "cookbook_forks = ForkRecord(Path(__file__).parent)\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "dummy", "-d", str(folder)]
    subprocess.run([*command, str(folder), str(folder / "out")], check=True, timeout=120)
    document = pickle.loads((folder / "index.doctree").read_bytes())  # noqa: S301
    assert isinstance(document, nodes.document)
    return document


def test_tables_import_nothing_of_the_measuring() -> None:
    """Whoever builds the site needs nothing that starts processes."""
    command = "import sys, _ext.fork_matrix; print(*sys.modules)"
    loaded = subprocess.check_output(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "docs")))},
        text=True,
        timeout=120,
    ).split()

    assert "tests.evidence.fork_matrix.trials" in loaded
    assert [] == [
        module
        for module in loaded
        if module.startswith(("tests.evidence.measure", "tests.runner", "recipes."))
        or module in ("tests.evidence.fork_matrix.measure", "tests.evidence.fork_matrix.forker")
    ]


def test_every_situation_has_words() -> None:
    """A state or use that the probe knows is told in words on the pages."""
    assert {situation.parent for situation in SITUATIONS} == set(PARENTS)
    assert {situation.child for situation in SITUATIONS} == set(CHILDREN)


def test_conditions_name_every_version() -> None:
    """Dates, releases and counts are those of the trials."""
    text = conditions([HANG, HANG, replace(NEW, date="2026-11-25")])

    assert "2026-11-24 to 2026-11-25: 3 forks, 1 to 2 of each" in text
    assert "grpcio 1.85.1, 1.100.0" in text
