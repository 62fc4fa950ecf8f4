"""Finding shared clients in this book: nothing in its recipes, the fault of each broken twin."""

from pathlib import Path

import pytest

from tests.book import BOOK
from tests.support.finder import PAGE, ROOT, found_in

ON_PURPOSE = {"safeguards/fork_while_calling", "safeguards/refuse_inherited_client"}
"""Recipes that fork beside a client because that is what they guard."""
OTHER_FAULTS = {
    "processes/stop_pool_broken",
    "processes/stream_results_broken",
    "processes/survive_worker_death_broken",
}
"""Broken twins whose clients are where they belong: they lose work in other ways."""
ABOUT_PROCESSES = ("processes/", "safeguards/")
"""Chapters whose twins share a client with a process; those of the others break other rules."""
ALSO_SHARED = {"event_loops/close_async_clients_broken", "event_loops/use_processes_broken"}
"""Broken twins of the other chapters that share a client with a process all the same."""


def is_to_be_found(file: str) -> bool:
    """Tell whether a file of this book shares a client with a process."""
    twin = file.endswith("_broken") and file.startswith(ABOUT_PROCESSES)
    return file in ON_PURPOSE | ALSO_SHARED or (twin and file not in OTHER_FAULTS)


@pytest.mark.parametrize("file", BOOK.files())
def test_recipes_of_this_book(file: str) -> None:
    """Nothing is found in a recipe, and something in each twin that shares a client."""
    found = found_in([ROOT / "recipes" / f"{file}.py"])

    assert is_to_be_found(file) == bool(found), found


def test_recipes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at all recipes at once finds what a look at each of them finds."""
    monkeypatch.chdir(ROOT)
    each = [found for file in BOOK.files() for found in found_in([Path(f"recipes/{file}.py")])]

    assert sorted(each) == sorted(found_in([Path("recipes")]))


def test_page_names_what_is_not_found_in_this_book() -> None:
    """The page names each twin in which nothing is found, and each recipe in which something is."""
    text = PAGE.read_text("utf-8")
    files = {file.partition("/")[2] for file in OTHER_FAULTS | ON_PURPOSE}

    assert set() == {file for file in files if f"`{file}`" not in text}
