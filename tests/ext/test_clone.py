"""How a reader gets the book."""

from pathlib import Path

import pytest

from tests.ext.made import build

CONF = """\
extensions = ["myst_parser", "_ext.clone"]
myst_enable_extensions = ["colon_fence"]
html_copy_source = False
cookbook_repository = {repository!r}
"""


@pytest.mark.parametrize(
    ("repository", "cloned", "told"),
    [("https://host.example/book", "https://host.example/book", 0), ("", "ADDRESS", 1)],
)
def test_clone_line_names_the_repository(
    tmp_path: Path, repository: str, cloned: str, told: int
) -> None:
    """The line names where the build says that the repository is, or what to put there."""
    (tmp_path / "conf.py").write_text(CONF.format(repository=repository))
    (tmp_path / "index.md").write_text("# Get it\n\n:::{clone}\n:::\n")
    done = build(tmp_path, "-b", "text")
    text = (tmp_path / "out/index.txt").read_text("utf-8")

    assert "" == done.stderr
    assert f"git clone {cloned} iam-concurrency-cookbook" in text
    assert told == text.count("which this build was not told")
