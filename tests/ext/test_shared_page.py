"""A page that several recipes share: each table and directive tells which of them is meant."""

from pathlib import Path

import pytest

from _ext.look_up import link
from tests.book import Rule
from tests.ext.made import build

CONF = 'extensions = ["myst_parser", "_ext.recipe"]\nmyst_enable_extensions = ["colon_fence"]\n'


def test_rule_is_linked_by_its_part_of_the_page() -> None:
    """The title of the page is not enough: the recipe's tab is named after it, and linked."""
    page, place = "/processes/create-in-worker.md", "#create-in-pool-worker"

    assert f"[]({page}): [`Pool`]({page}{place})" == link(
        Rule("processes/create_in_pool_worker", None)
    )


@pytest.mark.parametrize("option", ["", ":of: share_one_client\n"])
def test_recipe_that_is_not_named_is_an_error(tmp_path: Path, option: str) -> None:
    """The error lists the recipes that the page has."""
    (tmp_path / "processes").mkdir()
    page = tmp_path / "processes" / "create-in-worker.md"
    page.write_text(f"# Title\n\n:::{{recipe}}\n{option}:::\n")
    (tmp_path / "index.md").write_text("# Title\n\n:::{toctree}\nprocesses/create-in-worker\n:::\n")
    (tmp_path / "conf.py").write_text(CONF)
    built = build(tmp_path, "-b", "dummy")
    names = "create_in_executor_worker, create_in_pool_worker, create_in_process"

    assert 0 != built.returncode
    assert f"name one recipe of this page by the option `of`: {names}" in built.stderr
