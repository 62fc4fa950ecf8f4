"""The pytest plugin's recipe; the suites that attack the plugin are in the folder beside."""

import pytest

from tests.book import BOOK
from tests.support.recipes import Stands


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants("safeguards/pytest_fork_safety"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """A right suite passes, and mints a token for every account exactly once."""
    stands(file, start_method)
