"""The numbers that pages take from files."""

import re

import pytest

from _ext.constants import constant
from tests.blocks.blocks import find_pages
from tests.book import ROOT

NAMED = [
    (path, name)
    for page in find_pages()
    for path, name in re.findall(r"\{constant\}`([^:`]+):(\w+)`", page.text)
]


def test_number_is_what_the_file_defines() -> None:
    """A page shows the number that the recipe runs with, however many digits it has."""
    assert ("recipes/processes/create_in_executor_worker_broken.py", "THREADS") in NAMED
    assert "1,000,000" == constant(
        "tests/evidence/record/verdicts.py", "RUNS_WITHOUT_A_FALSE_ALARM"
    )
    for path, name in NAMED:
        number = constant(path, name).replace(",", "")
        text = (ROOT / path).read_text("utf-8").replace("_", "")
        assert re.search(
            rf"^{name.replace('_', '')} = {re.escape(number)}\b", text, re.MULTILINE
        ), name


@pytest.mark.parametrize("path", ["recipes/threads/share_one_client.py", "no/such/file.py"])
def test_number_that_is_not_there_is_an_error(path: str) -> None:
    """The build does not invent a number whose constant was renamed or moved."""
    with pytest.raises(LookupError, match=f"{path} has no number NO_SUCH_NAME"):
        constant(path, "NO_SUCH_NAME")
