"""A chapter that is declared has its place in every table."""

from dataclasses import replace
from pathlib import Path

import pytest

from _ext.heat_map import map_of_all
from _ext.look_up import look_up
from _ext.not_shown import lines, unmeasured, without_twin
from _ext.sections import programs, section
from _ext.timeline import timeline
from _ext.verdicts import verdicts
from tests.book import CHAPTERS, Book, Chapter
from tests.evidence.record.cells import strips
from tests.evidence.record.environment import pinned
from tests.evidence.record.plan import RELEASES, TRIALS
from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, made, store

NAME, TWIN = "made_up/mint_tokens", "made_up/mint_tokens_broken"
OLD, NEW = RELEASES["grpcio"][-2:]


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Record:
    """Keep trials of a chapter that no other book has; its twin fails with the newest release."""
    chapter = Chapter("made_up", "Made up", forks=True)
    book = Book(tmp_path / "book", (*CHAPTERS, chapter))
    book.path(NAME).parent.mkdir(parents=True)
    book.page(NAME).parent.mkdir(parents=True)
    book.path(NAME).write_text("print()\n", "utf-8")
    book.path(TWIN).write_text("raise ValueError\n", "utf-8")
    book.page(NAME).write_text("# Minting tokens\n", "utf-8")
    record = Record(tmp_path / "records", book)
    for grpcio, outcomes in ((OLD, {"ok": TRIALS}), (NEW, {"hang": TRIALS})):
        newest = pinned("google-cloud-iam")
        environment = replace(ENVIRONMENT, grpcio=grpcio, google_cloud_iam=newest)
        store(record, made(NAME, environment, ok=TRIALS), made(TWIN, environment, **outcomes))
    return record


def test_chapter_is_in_every_table(record: Record) -> None:
    """Heat map, section, programs, look-up, timeline, verdicts and what is not shown know it."""
    page = "/made-up/mint-tokens.md"

    assert "made up" in map_of_all(record, "grpcio")
    assert "## Minting tokens" in section(record, record.book.rules("made_up")[0])
    assert "## Made up" in programs(record)
    assert "\nmade-up\n" in programs(record)
    assert f"[]({page})" in look_up(record, "grpcio")
    assert "made_up" in timeline(strips(record, "grpcio"), "grpcio")
    assert f"grpcio {NEW}" in timeline(strips(record, "grpcio"), "grpcio")
    assert f"`hang` {TRIALS}" in verdicts(record, TWIN)
    assert "made up" in unmeasured(lines(record))
    assert "Every recipe has a broken twin." == without_twin(record.book.rules())
