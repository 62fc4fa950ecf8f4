"""The numbers of the pages."""

import re

import pytest

from tests.evidence.pages import constant
from tests.pages.blocks import ROOT, find_pages

NAMED = [
    (path, name)
    for page in find_pages()
    for path, name in re.findall(r"\{constant\}`([^:`]+):(\w+)`", page.text)
]


def test_number_is_what_the_file_defines() -> None:
    """A page shows the number that the recipe runs with, however many digits it has."""
    assert ("recipes/processes/create_in_process_broken.py", "THREADS") in NAMED
    assert "1,000,000" == constant("tests/evidence/verdicts.py", "RUNS_WITHOUT_A_FALSE_ALARM")
    for path, name in NAMED:
        assert f"\n{name} = {constant(path, name).replace(',', '_')}\n" in (ROOT / path).read_text(
            "utf-8"
        )


@pytest.mark.parametrize("path", ["recipes/threads/share_one_client.py", "no/such/file.py"])
def test_number_that_is_not_there_is_an_error(path: str) -> None:
    """The build does not invent a number whose constant was renamed or moved."""
    with pytest.raises(LookupError, match=f"{path} has no number NO_SUCH_NAME"):
        constant(path, "NO_SUCH_NAME")
