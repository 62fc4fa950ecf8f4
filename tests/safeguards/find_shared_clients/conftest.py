"""What several of these tests start from."""

from pathlib import Path

import pytest

from tests.support.finder import SHARED


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with one finding."""
    (tmp_path / "shared.py").write_text(SHARED)
    return tmp_path
