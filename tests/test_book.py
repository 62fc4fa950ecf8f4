"""The declaration of the book."""

from itertools import groupby
from pathlib import Path

import pytest

from tests.book import (
    BOOK,
    CHAPTERS,
    START_METHODS,
    Book,
    Chapter,
    Part,
    Rule,
    page_of,
    part_of,
    place_of,
    recipes_of,
)


def test_every_file_is_of_one_rule() -> None:
    """Each recipe is a rule, with its broken twin where there is one."""
    assert sorted(file for rule in BOOK.rules() for file in rule.files) == BOOK.files()
    assert Rule("threads/use_rest", None) in BOOK.rules()
    assert ["threads/share_one_client", "threads/share_one_client_broken"] in [
        rule.files for rule in BOOK.rules()
    ]


def test_chapters_stand_in_the_order_of_the_book() -> None:
    """The rules of a chapter stand together; one chapter can be had alone."""
    names = [chapter.name for chapter in CHAPTERS]

    assert names == [chapter for chapter, _ in groupby(BOOK.rules(), lambda rule: rule.chapter)]
    assert BOOK.rules() == [rule for name in names for rule in BOOK.rules(name)]
    assert [] == BOOK.rules("testing")


def test_every_folder_of_recipes_with_verdicts_is_a_chapter() -> None:
    """No recipe is overlooked because nobody declared its folder."""
    folders = {path.parent.name for path in BOOK.recipes.glob("*/*.py")} - {"testing"}

    assert {chapter.name for chapter in CHAPTERS} == folders


def test_program_that_chooses_is_named_right() -> None:
    """What a chapter says of a program is said of one that there is."""
    for chapter in CHAPTERS:
        there = {file.removeprefix(f"{chapter.name}/") for file in BOOK.files()}
        assert set() == {*chapter.chosen, *chapter.shared} - there


def test_modules_are_no_recipes() -> None:
    """Each is a file, which the recipes are without, and has a page that recipes share."""
    assert BOOK.modules()
    for file in BOOK.modules():
        assert BOOK.path(file).is_file()
        assert file not in BOOK.files()
        assert page_of(file) in {page_of(recipe) for recipe in BOOK.files()}


PARTS = {f"mint_{name}": Part("mint-tokens", name) for name in ("once", "often")}
SHARING = [Chapter("made_up", "Made up", shared=PARTS)]


def test_recipes_of_a_shared_page_are_told_apart(tmp_path: Path) -> None:
    """Each has the page's title with its own part, and links lead to its tab."""
    book, page = Book(tmp_path, tuple(SHARING)), "made-up/mint-tokens.md"
    book.page("made_up/mint_once").parent.mkdir(parents=True)
    book.page("made_up/mint_once").write_text("# Mint tokens\n", "utf-8")

    assert ["made_up/mint_once", "made_up/mint_often"] == recipes_of(page, SHARING)
    assert book.page("made_up/mint_once") == book.page("made_up/mint_often")
    assert "Mint tokens: often" == book.title("made_up/mint_often")
    assert "made-up/mint-tokens.md#mint-often" == place_of("made_up/mint_often", SHARING)


def test_recipe_has_the_page_of_its_name_where_nothing_else_is_declared() -> None:
    """It shares that page with none, and nothing is added to the title."""
    file, page = "event_loops/use_anyio", "event-loops/use-anyio.md"

    assert (page, page, "") == (page_of(file), place_of(file), part_of(file))
    assert [file] == recipes_of(page)


def test_shared_page_is_of_no_other_recipe() -> None:
    """No recipe has a page by its name that others share by declaration."""
    shared = {page_of(f"{chapter.name}/{name}") for chapter in CHAPTERS for name in chapter.shared}
    files = [rule.recipe for rule in BOOK.rules()]

    assert shared
    assert [] == [file for file in files if page_of(file) in shared and not part_of(file)]


@pytest.mark.parametrize(
    ("file", "methods"),
    [
        ("threads/share_one_client", ("fork",)),
        ("event_loops/use_processes", ("forkserver",)),
        ("event_loops/use_processes_broken", ("fork",)),
        ("processes/create_in_pool_worker", START_METHODS),
        ("processes/close_then_fork", START_METHODS),
        ("processes/close_then_fork_broken", ("fork",)),
        ("processes/start_other_programs_broken", ("fork",)),
        ("safeguards/fork_while_calling", ("fork",)),
    ],
)
def test_start_methods(file: str, methods: tuple[str, ...]) -> None:
    """A program is tried with what makes a difference to it; a twin follows its recipe."""
    assert methods == BOOK.start_methods(file)
    assert [(file, method) for method in methods] == BOOK.variants(file)


def test_undeclared_chapter_is_named(tmp_path: Path) -> None:
    """A file of an undeclared folder is an error that says where to declare it."""
    with pytest.raises(LookupError, match=r"no chapter made_up: declare it in tests/book\.py"):
        Book(tmp_path, (Chapter("threads", "Threads"),)).start_methods("made_up/recipe")
