"""The tables to look up one's own versions."""

from dataclasses import replace
from pathlib import Path

import pytest

from _ext.axes import OF_RELEASES
from _ext.look_up import look_up
from tests.evidence.record.environment import Wanted
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.plan import FEW, PYTHON, RELEASES, TRIALS
from tests.evidence.record.store import Record
from tests.ext.made import ENVIRONMENT, book_of, made, store

RECIPE, TWIN = "threads/share_one_client", "threads/share_one_client_broken"
HERE = replace(ENVIRONMENT, python=f"{PYTHON}.13", google_cloud_iam="2.19.1")
OLDEST, SECOND, THIRD, *_ = RELEASES["grpcio"]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """An empty record of a book of one recipe and its twin."""
    return Record(tmp_path / "records", book_of(tmp_path, [RECIPE]))


def keep(record: Record, file: str, grpcio: str, **outcomes: int) -> None:
    """Store a verdict of one file with one release of grpcio."""
    store(record, made(file, replace(HERE, grpcio=grpcio), **outcomes))


def table(text: str, first: str) -> list[dict[str, str]]:
    """Return the rows of the table whose first column has this heading, without marks."""
    (found,) = (part for part in text.split("\n\n") if part.startswith(f"| {first} |"))
    heads, _, *rows = ([*line[2:-2].split(" | ")] for line in found.strip().splitlines())
    return [
        dict(zip(heads, (cell.rpartition("</span>")[2] for cell in row), strict=True))
        for row in rows
    ]


def test_cell_of_too_few_trials_is_not_shown(record: Record) -> None:
    """A cell that is under way has no row and counts as missing, with the rest of the plan."""
    keep(record, RECIPE, OLDEST, ok=FEW)
    keep(record, TWIN, OLDEST, hang=FEW - 1)
    text = look_up(record, "grpcio")
    (row,) = table(text, "rule")
    total = 2 * len(RELEASES["grpcio"])

    assert ("not measured yet", "") == (row["broken twin"], list(row.values())[-1])
    assert f"{total - 1} of the plan's {total} cells by release of grpcio are not measured" in text


def test_row_of_a_rule_says_what_both_did(record: Record) -> None:
    """The recipe held in all trials of the releases, the twin failed so often, and may so often."""
    for grpcio in (OLDEST, SECOND):
        keep(record, RECIPE, grpcio, ok=TRIALS)
        keep(record, TWIN, grpcio, hang=15, ok=5)
    keep(record, RECIPE, THIRD, raises_ImportError=TRIALS)
    keep(record, TWIN, THIRD, ok=TRIALS)
    first, second = table(look_up(record, "grpcio"), "rule")

    assert {
        "rule": "[](/threads/share-one-client.md)",
        "from grpcio": OLDEST,
        "to": SECOND,
        "recipe": "[held in 40 of 40]{.outcome-ok}",
        "broken twin": "[`hang` 30]{.outcome-fail} [`ok` 10]{.outcome-ok}",
        "twin's failures (95% interval)": "30 of 40 (57% to 89%)",
    } == first
    assert "not offered in 20 of 20: [`raises ImportError` 20]{.outcome-fail}" == second["recipe"]
    assert "0 of 20 (0% to 20%)" == second["twin's failures (95% interval)"]


def test_release_that_does_not_offer_what_a_rule_uses_is_told_from_one_that_fails(
    record: Record,
) -> None:
    """The rule has not failed there, and its twin shows nothing."""
    keep(record, RECIPE, OLDEST, raises_ImportError=TRIALS)
    keep(record, TWIN, OLDEST, raises_ImportError=TRIALS)
    text = look_up(record, "grpcio")
    (release,), (rule,) = table(text, "grpcio"), table(text, "rule")
    link = "[](/threads/share-one-client.md) (not offered)"

    assert link == release["recipes that did not"] == release["broken twins that did not"]
    assert "not offered: [`raises ImportError` 20]{.outcome-fail}" == rule["broken twin"]


def test_row_of_a_release_names_what_did_otherwise(record: Record) -> None:
    """A release counts the rules that stand, and links each that does not."""
    for grpcio, recipe, twin in ((OLDEST, "ok", "hang"), (SECOND, "lost", "ok")):
        keep(record, RECIPE, grpcio, **{recipe: TRIALS})
        keep(record, TWIN, grpcio, **{twin: TRIALS})
    first, second = table(look_up(record, "grpcio"), "grpcio")
    heads = ["recipes that held", "recipes that did not"]
    heads += ["broken twins that failed", "broken twins that did not"]
    link = "[](/threads/share-one-client.md)"

    assert (OLDEST, f"google-cloud-iam 2.19.1; Python {PYTHON}.13") == (
        first["grpcio"],
        first["with"],
    )
    assert ["1 of 1", "none", "1 of 1", "none"] == [first[head] for head in heads]
    assert ["0 of 1", link, "0 of 1", link] == [second[head] for head in heads]


def test_rows_tell_the_script_their_releases(record: Record) -> None:
    """A rule's row lists its releases; a release's row says with which others it was tried."""
    for grpcio in (OLDEST, SECOND):
        keep(record, RECIPE, grpcio, ok=TRIALS)
    text = look_up(record, "grpcio")

    assert f'<span data-axis="grpcio" data-releases="{OLDEST} {SECOND}"></span>' in text
    assert (
        f'data-releases="{OLDEST}" data-cells="grpcio:{OLDEST},iam:2.19.1,python:{PYTHON}"></span>'
        in text
    )


def test_python_is_looked_up_by_its_minor_release(record: Record) -> None:
    """A row of Python says 3.10, whichever patch was measured."""
    keep(record, RECIPE, OLDEST, ok=TRIALS)
    (row,) = table(look_up(record, "python"), "rule")

    assert (PYTHON, PYTHON) == (row["from Python"], row["to"])


def test_release_that_cannot_be_installed_says_so(record: Record) -> None:
    """It has a row with the reason, and is not among the cells that are to come."""
    refused = NotInstalled(PYTHON, OLDEST, "newest", "no wheel", "2026-11-26")
    elsewhere = replace(refused, google_cloud_iam="0.2.0", grpcio=SECOND)
    for each in (refused, elsewhere):
        python, *packages = each.releases
        wanted = Wanted(python, *(None if name == "newest" else name for name in packages))
        record.not_installed.keep(wanted, each)
    keep(record, RECIPE, THIRD, ok=TRIALS)
    keep(record, TWIN, THIRD, hang=TRIALS)
    text = look_up(record, "grpcio")
    first, second = table(text, "grpcio")
    total = 2 * (len(RELEASES["grpcio"]) - 1)

    assert (OLDEST, "cannot be installed: no wheel") == (first["grpcio"], first["with"])
    assert THIRD == second["grpcio"]
    assert f"{total - 2} of the plan's {total} cells" in text


@pytest.mark.parametrize("name", OF_RELEASES)
def test_axis_without_trials_has_no_table(record: Record, name: str) -> None:
    """Where nothing is measured the page says so, and has no empty table."""
    text = look_up(record, name)

    assert "|" not in text
    assert "are not measured yet" in text
