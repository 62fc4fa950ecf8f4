"""What the tables of the pages share."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from _ext.base import badges, page_link, span, tally
from _ext.verified import verified
from tests.evidence.record.cells import Kind
from tests.evidence.record.environment import pinned
from tests.evidence.record.store import Record
from tests.evidence.record.verdicts import Verdict
from tests.ext.made import ENVIRONMENT, TRIAL, build, made, store


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"held": 61, "failed": 2}, "It held in 61 of 63 environments measured so far."),
        ({"held": 1, "not measured": 4}, "It held in 1 of 1 environment measured so far."),
        ({"not measured": 4}, "It has no environment with 3 trials yet."),
        ({}, "It has no environment with 3 trials yet."),
        (
            {"held": 30, "not offered": 1},
            "It held in 30 of 30 environments measured so far; 1 more does not offer what it uses.",
        ),
        (
            {"failed": 2, "not offered": 3},
            "It held in 0 of 2 environments measured so far; 3 more do not offer what it uses.",
        ),
    ],
)
def test_tally_names_apart_what_a_release_does_not_offer(
    counts: dict[Kind, int], said: str
) -> None:
    """Only environments that are measured count, and those that lack what is used do not."""
    assert said == tally("It", counts, "held")


def test_verified_line_leads_to_the_cells() -> None:
    """It says what the pinned releases did, on which days, and in how many environments it held."""
    later = replace(TRIAL, date="2026-11-28T00:00:00.000Z")
    stored = Verdict(TRIAL.file, (TRIAL, later, TRIAL))
    counts: dict[Kind, int] = {"held": 61, "failed": 2}
    said = " ".join(verified(stored, counts, "import os\nos.fork()").split())

    assert "**Verified** 2026-11-26 to 2026-11-28: `ok` in 3 of 3 trials of this program" in said
    link = "(#evidence-threads-share-one-client)"
    assert (
        "It was tried on no other system, and uses `os.fork`, which Windows does not have." in said
    )
    assert f"It held in [61 of 63 environments measured so far]{link}. [How" in said


def test_dates_are_days() -> None:
    """Trials of one day have one date, whenever they ended."""
    evening = replace(TRIAL, date="2026-11-26T23:59:59.999Z")

    assert "2026-11-26" == span([TRIAL, evening, replace(TRIAL, date="2026-11-26")])


def test_outcomes_are_shown_the_most_common_first() -> None:
    """Each with its count; a failure is told from `ok` by its colour as well."""
    assert "[`hang` 2]{.outcome-fail} [`ok` 1]{.outcome-ok}" == badges({"ok": 1, "hang": 2})


def test_twin_has_the_page_of_its_recipe() -> None:
    """A link is named by the file, and leads to the page that tells of both."""
    assert "[`threads/use_rest_broken`](/threads/use-rest.md)" == page_link(
        "threads/use_rest_broken"
    )


CONF = """\
from pathlib import Path
from tests.evidence.record.store import Record

extensions = ["myst_parser", "_ext.roles"]
cookbook_record = Record(Path({records!r}))
"""


def test_project_draws_from_the_record_that_it_names(tmp_path: Path) -> None:
    """The record is handed in by conf.py, and no build keeps what was counted of it."""
    docs = tmp_path / "docs"
    docs.mkdir()
    record = Record(tmp_path / "records")
    releases = {"grpcio": pinned("grpcio"), "google_cloud_iam": pinned("google-cloud-iam")}
    store(record, made(TRIAL.file, replace(ENVIRONMENT, **releases), ok=2, hang=1))
    (docs / "conf.py").write_text(CONF.format(records=str(record.folder)))
    (docs / "index.md").write_text(f"# Title\n\n{{failures}}`{TRIAL.file}`\n")
    built = build(docs, "-b", "dummy")
    document = pickle.loads((docs / "index.doctree").read_bytes())  # noqa: S301

    assert "" == built.stderr
    assert document.astext().endswith("1 of 3")
    record.verdicts(TRIAL.file)
    assert len(pickle.dumps(record)) == len(pickle.dumps(Record(record.folder)))
