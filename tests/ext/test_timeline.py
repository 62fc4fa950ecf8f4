"""What changed with which release."""

import json
from dataclasses import replace
from pathlib import Path

from _ext.timeline import (
    KNOWN,
    by_step,
    compared,
    compared_with,
    fits,
    known_changes,
    timeline,
    title,
)
from tests.book import BOOK, chapter_of
from tests.evidence.record.cells import Pair, Step, Strip, changes, pairs
from tests.evidence.record.plan import FEW
from tests.evidence.record.verdicts import Verdict
from tests.ext.made import ENVIRONMENT, made

FILE = "processes/create_in_pool_worker_broken"


def cell(grpcio: str, outcome: str, trials: int = 20, iam: str = "2.0.0") -> Verdict:
    """Make a verdict of trials that all ended alike."""
    environment = replace(ENVIRONMENT, grpcio=grpcio, google_cloud_iam=iam)
    return made(FILE, environment, **{outcome: trials})


def strip(*cells: tuple[str, str]) -> Strip:
    return [(release, cell(release, outcome)) for release, outcome in cells]


CHANGED = strip(("1.9.0", "hang"), ("1.10.0", "hang"), ("1.11.0", "ok"), ("1.12.0", "lost"))


def test_change_is_found_at_its_release() -> None:
    """The release that changed a program is named, the newest first; equal neighbours are not."""
    found, number = changes({FILE: CHANGED}, "grpcio")
    steps = [step for step, _ in by_step(found)]

    assert 3 == number
    assert [Step("grpcio", "1.11.0", "1.12.0", 0), Step("grpcio", "1.10.0", "1.11.0", 0)] == steps
    assert ["grpcio 1.12.0", "grpcio 1.11.0"] == [title(step) for step in steps]
    assert "Compared with 1.11.0." == compared_with(steps[0])


def test_change_is_between_the_measured_releases() -> None:
    """What has too few trials is passed over, and the change is said to be around it."""
    (first, before), *_ = CHANGED
    short = cell("1.10.0", "ok", trials=FEW - 1)
    (pair,) = pairs(FILE, "grpcio", [(first, before), ("1.10.0", short), CHANGED[2]])
    (wide,) = pairs(
        FILE, "grpcio", [(first, before), ("1.10.0", short), ("1.10.1", None), CHANGED[2]]
    )

    assert "Between grpcio 1.9.0 and 1.11.0" == title(pair.step)
    assert "One release between them is not measured." == compared_with(pair.step)
    assert "2 releases between them are not measured." == compared_with(wide.step)


def test_page_shows_before_and_after_with_a_link() -> None:
    """A change has a row below its release with both outcomes; what is alike has none."""
    strips = {FILE: CHANGED, "threads/share_one_client": CHANGED[:2]}
    shown, said = timeline(strips, "grpcio"), compared(strips, "grpcio")
    link = f"[`{FILE}`](/processes/create-in-worker.md#create-in-pool-worker)"

    assert f"| {link} | [`hang` 20]{{.outcome-fail}} | [`ok` 20]{{.outcome-ok}} |" in shown
    assert "share_one_client" not in shown
    assert said.startswith("6 of 6 cells along this axis are measured.")
    assert "They make 4 pairs of neighbours, of which 2\ndiffer by more than luck." in said
    assert "changed beside it" not in shown


def test_page_says_that_nothing_is_compared_yet() -> None:
    """Without two measured neighbours there is nothing to find."""
    strips: dict[str, Strip] = {FILE: [CHANGED[0], ("1.10.0", None)]}

    assert "1 of 2 cells" in compared(strips, "grpcio")
    assert "nothing can be compared yet" in compared(strips, "grpcio")
    assert "of which none\ndiffer" in compared({FILE: CHANGED[:2]}, "grpcio")
    assert "" == timeline(strips, "grpcio") == timeline({FILE: CHANGED[:2]}, "grpcio")


def test_other_release_that_changed_in_the_same_step_is_named() -> None:
    """A change that another package may have made says so."""
    after = cell("1.10.0", "ok", iam="2.1.0")
    shown = timeline({FILE: [CHANGED[0], ("1.10.0", after)]}, "grpcio")

    assert "changed beside it" in shown
    assert "| google-cloud-iam 2.0.0 → 2.1.0 |" in shown


def test_known_change_stands_where_the_trials_show_one(tmp_path: Path) -> None:
    """A known change is shown at a step that it is in, for a program that it concerns."""
    entry = {"what": "words", "sources": {"#1": "https://example.com/1"}, "files": ["processes/*"]}
    releases = ["1.10.1", "1.10.0", "1.9.0"]
    known = tmp_path / "known.json"
    known.write_text(json.dumps([entry | {"grpcio": release} for release in releases]), "utf-8")
    found, _ = changes({FILE: CHANGED[:3]}, "grpcio")
    shown = known_changes(found, known)

    assert "| 1.10.1 | words ([#1](https://example.com/1)) | 1.10.0 → 1.11.0: [`proc" in shown
    assert "| 1.10.0 |" not in shown
    assert "no change where one is known" in known_changes([], known)
    known.write_text(json.dumps([entry | {"grpcio": "1.10.1", "files": ["threads/*"]}]), "utf-8")
    assert "no change where one is known" in known_changes(found, known)


def test_what_a_release_does_not_offer_is_no_known_change() -> None:
    """A program that could not be imported before says nothing of what gRPC changed."""
    entry = {"grpcio": "1.11.0", "files": ["*"]}
    step = Step("grpcio", "1.10.0", "1.11.0", 0)
    after = cell("1.11.0", "ok")
    failed, absent = (
        Pair(FILE, step, cell("1.10.0", outcome), after)
        for outcome in ("hang", "raises_ImportError")
    )

    assert fits(failed, entry)
    assert not fits(absent, entry)


def test_known_changes_have_public_sources() -> None:
    """Each has a release, at least one source on the web, and concerns a program of the book."""
    chapters = {chapter_of(file) for file in BOOK.files()} | {"*"}
    for entry in json.loads(KNOWN.read_text("utf-8")):
        assert entry["sources"], entry["grpcio"]
        assert all(address.startswith("https://") for address in entry["sources"].values())
        assert {chapter_of(pattern) for pattern in entry["files"]} <= chapters
