"""The versions and frequencies of sentences."""

import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docutils import nodes
from packaging.version import Version

from tests.evidence import verdicts
from tests.evidence.roles import fact, facts, failures
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import ROOT, Trial, sha256
from tests.evidence.verdicts import pinned
from tests.pages.blocks import find_pages

PINNED = replace(
    TRIAL,
    sha256=sha256(TRIAL.file),
    environment=replace(
        TRIAL.environment, grpcio=pinned("grpcio"), google_cloud_iam=pinned("google-cloud-iam")
    ),
)
SPAWNED = replace(PINNED, environment=replace(PINNED.environment, start_method="spawn"))
SET = replace(PINNED, environment=replace(PINNED.environment, fork_support="1"))
OLD = replace(PINNED, environment=replace(PINNED.environment, grpcio="1.48.2"))


def outcome(of: Trial, name: str) -> Trial:
    return replace(of, outcome=name)


STORED: Sequence[Trial] = [
    PINNED,
    outcome(PINNED, "hang"),
    outcome(PINNED, "hang"),
    outcome(PINNED, "lost"),
    outcome(SPAWNED, "raises NameError"),
    outcome(SET, "crash SIGABRT"),
    *[outcome(OLD, "hang")] * 1000,
    replace(PINNED, sha256="0" * 12, outcome="hang"),
]


@pytest.mark.parametrize(
    ("choice", "counted"),
    [
        ("", "4 of 5"),
        (":fork", "3 of 4"),
        (":spawn", "1 of 1"),
        (":fork:hang", "2 of 4"),
        (":hang", "2 of 5"),
        (":fork:ok", "1 of 4"),
        (":spawn:raises NameError", "1 of 1"),
        (":fork:crash SIGSEGV", "0 of 4"),
        (":fork:1", "1 of 1"),
        (":1:crash SIGABRT", "1 of 1"),
    ],
)
def test_failures_are_counted_with_the_pinned_releases(
    monkeypatch: pytest.MonkeyPatch, choice: str, counted: str
) -> None:
    """Trials of other releases, texts, start methods and settings have no say."""
    monkeypatch.setattr(verdicts, "read_trials", lambda file: STORED)

    assert counted == failures(TRIAL.file + choice)


@pytest.mark.parametrize(
    ("choice", "error"),
    [
        (":forked", "'forked' in .* is no start method, setting or outcome"),
        (":fork:hangs", "'hangs' in"),
        (":0", "no stored trial"),
    ],
)
def test_failures_of_nothing_are_an_error(
    monkeypatch: pytest.MonkeyPatch, choice: str, error: str
) -> None:
    """A word that says nothing, and trials that there are not, stop the build."""
    monkeypatch.setattr(verdicts, "read_trials", lambda file: STORED)

    with pytest.raises(LookupError, match=error):
        failures(TRIAL.file + choice)


def test_each_documented_fact_is_used() -> None:
    """A fact that no page shows is none of the book's."""
    used = {
        key for page in find_pages() for key in re.findall(r"\{documented\}`!?([^`]*)`", page.text)
    }

    assert used == set(facts())


@pytest.mark.parametrize("key", list(facts()))
def test_documented_fact_can_be_checked(key: str) -> None:
    """It says what holds since a version or a year, and where everybody can read it."""
    its = fact(key)

    assert its.what
    assert "https" == urlsplit(its.source).scheme
    assert (its.year is None) == bool(its.version)
    assert its.when == str(Version(its.when))


def test_fact_that_nobody_documented_is_an_error() -> None:
    """The build does not invent a version."""
    with pytest.raises(LookupError, match=r"documented\.toml has no fact no-such"):
        fact("no-such")


def test_page_shows_what_the_roles_draw(tmp_path: Path) -> None:
    """A documented version is a link to its source, if the page does not say otherwise."""
    (tmp_path / "index.md").write_text(
        "# Roles\n\n{pinned}`grpcio` {documented}`task-group` {documented}`!task-group`\n"
    )
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser', 'tests.evidence.roles']\n")
    builder = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "dummy", "-d", str(tmp_path)]
    subprocess.run(
        [*builder, str(tmp_path), str(tmp_path / "out")], cwd=ROOT, check=True, timeout=120
    )
    document = pickle.loads((tmp_path / "index.doctree").read_bytes())  # noqa: S301
    (shown,) = document.findall(nodes.paragraph)
    (link,) = shown.findall(nodes.reference)
    its = fact("task-group")

    assert f"{pinned('grpcio')} {its.version} {its.version}" == shown.astext()
    assert (its.version, its.source) == (link.astext(), link["refuri"])
