"""Every block of the README and of every page does what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_examples import EvalExample

from recipes.testing.local_iam import LocalIAM
from tests.blocks.blocks import README, Block, Page, find_pages, name_of
from tests.blocks.check import Checker
from tests.runner import Runner


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("page")
    named = [Page.read(path.resolve()) for path in chosen or [README]]
    pages = named if chosen else [*named, *find_pages()]
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", pages, ids=[name_of(page.path) for page in pages])
    if "block" in metafunc.fixturenames:
        blocks = [block for page in pages for block in page.blocks]
        if not blocks:
            names = ", ".join(name_of(page.path) for page in pages) or "docs/"
            raise pytest.UsageError(f"there is no block in {names}: nothing would be checked")
        commands = {"bash": [pytest.mark.commands]}
        marked = [pytest.param(each, marks=commands.get(each.language, [])) for each in blocks]
        metafunc.parametrize("block", marked, ids=list(map(str, blocks)))


def test_page_keeps_to_the_dialect(
    page: Page, record_property: Callable[[str, object], None]
) -> None:
    """A page has no code that some tool would overlook or read otherwise."""
    record_property("kind", "page")
    record_property("file", name_of(page.path))
    record_property("outcome", "ok" if not page.faults else "faults")
    assert [] == page.faults


def test_block(
    block: Block,
    block_runner: Runner,
    eval_example: EvalExample,
    local_iam: LocalIAM,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """A block is clean, ends as documented, prints what it shows, and leaves nothing running."""
    record_property("kind", "block")
    record_property("file", name_of(block.path))
    checker = Checker(
        block_runner,
        eval_example,
        local_iam.environment,
        tmp_path,
        update=eval_example.update_examples,
    )
    outcome = checker.check(block)
    record_property("outcome", str(outcome))
