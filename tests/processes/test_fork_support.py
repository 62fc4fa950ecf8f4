"""GRPC_ENABLE_FORK_SUPPORT: the recipe holds with each value, and no value saves its twin."""

import pytest

from tests.book import BOOK
from tests.support.recipes import Stands

FILE = "processes/create_in_process"


@pytest.mark.parametrize("fork_support", ["0", "1"])
@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str, fork_support: str) -> None:
    """Set to 0 or to 1, the recipe signs every file exactly once; the broken twin does not."""
    stands(file, start_method, fork_support)
