"""The versions and frequencies of sentences."""

import pickle
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docutils import nodes
from packaging.version import Version

from _ext.roles import fact, facts, failures
from tests.blocks.blocks import find_pages
from tests.evidence.record.environment import pinned
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.ext.made import TRIAL, build

PINNED = replace(
    TRIAL,
    environment=replace(
        TRIAL.environment, grpcio=pinned("grpcio"), google_cloud_iam=pinned("google-cloud-iam")
    ),
)
SPAWNED = replace(PINNED, environment=replace(PINNED.environment, start_method="spawn"))
SET = replace(PINNED, environment=replace(PINNED.environment, fork_support="1"))
OLD = replace(PINNED, environment=replace(PINNED.environment, grpcio="1.48.2"))


def outcome(of: Trial, name: str) -> Trial:
    return replace(of, outcome=name)


STORED = [
    PINNED,
    outcome(PINNED, "hang"),
    outcome(PINNED, "hang"),
    outcome(PINNED, "lost"),
    outcome(SPAWNED, "raises NameError"),
    outcome(SET, "crash SIGABRT"),
    *[outcome(OLD, "hang")] * 100,
]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record of these trials, and of one more of another program and of another job each."""
    record = Record(tmp_path_factory.mktemp("records"))
    program, job = record.identity(TRIAL.file)
    record.append(replace(trial, program=program, job=job) for trial in STORED)
    record.append([replace(PINNED, job=job, outcome="hang")])
    record.append([replace(PINNED, program=program, outcome="hang")])
    return record


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
    record: Record, choice: str, counted: str
) -> None:
    """Trials of other releases, programs, jobs, start methods and settings have no say."""
    assert counted == failures(record, TRIAL.file + choice)


@pytest.mark.parametrize(
    ("choice", "error"),
    [
        (":forked", "'forked' in .* is no start method, setting or outcome"),
        (":fork:hangs", "'hangs' in"),
        (":0", "no stored trial"),
    ],
)
def test_failures_of_nothing_are_an_error(record: Record, choice: str, error: str) -> None:
    """A word that says nothing, and trials that there are not, stop the build."""
    with pytest.raises(LookupError, match=error):
        failures(record, TRIAL.file + choice)


def test_each_documented_fact_is_used() -> None:
    """A fact that no page shows is none of the book's."""
    used = {
        key for page in find_pages() for key in re.findall(r"\{documented\}`!?([^`]*)`", page.text)
    }

    assert used == set(facts())


@pytest.mark.parametrize("key", list(facts()))
def test_documented_fact_can_be_checked(key: str) -> None:
    """It says what holds since a version or a year, and where everybody can read it."""
    found = fact(key)

    assert found.what
    assert "https" == urlsplit(found.source).scheme
    assert (found.year is None) == bool(found.version)
    assert found.when == str(Version(found.when))


def test_fact_that_nobody_documented_is_an_error() -> None:
    """The build does not invent a version."""
    with pytest.raises(LookupError, match=r"documented\.toml has no fact no-such"):
        fact("no-such")


def test_page_shows_what_the_roles_draw(tmp_path: Path) -> None:
    """A documented version is a link to its source, if the page does not say otherwise."""
    (tmp_path / "index.md").write_text(
        "# Roles\n\n{pinned}`grpcio` {documented}`task-group` {documented}`!task-group`\n"
    )
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser', '_ext.roles']\n")
    build(tmp_path, "-b", "dummy").check_returncode()
    document = pickle.loads((tmp_path / "index.doctree").read_bytes())  # noqa: S301
    (shown,) = document.findall(nodes.paragraph)
    (link,) = shown.findall(nodes.reference)
    found = fact("task-group")

    assert f"{pinned('grpcio')} {found.version} {found.version}" == shown.astext()
    assert (found.version, found.source) == (link.astext(), link["refuri"])
