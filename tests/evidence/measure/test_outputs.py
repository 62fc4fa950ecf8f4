"""What is kept of a failure for its page is of the program that the page shows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.book import BOOK
from tests.evidence.record.store import RECORD

FRAME = re.compile(r'File "recipes/(\S+)\.py", line (\d+),? in (\S+)')
OUTPUTS = sorted(RECORD.outputs.rglob("*.txt"))


def lines_of(file: str) -> dict[str, set[int]]:
    """Map each function of a recipe to its lines; `<module>` has them all."""
    text = BOOK.path(file).read_text("utf-8")
    found: dict[str, set[int]] = {"<module>": {*range(1, text.count("\n") + 2)}}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(node.name, set()).update(
                range(node.lineno, (node.end_lineno or 0) + 1)
            )
    return found


def strange(text: str) -> Iterator[str]:
    """Yield the frames of a recipe that its file does not have."""
    for file, line, function in FRAME.findall(text):
        if int(line) not in lines_of(file).get(
            "<module>" if function[0] == "<" else function, set()
        ):
            yield f"{file} has no {function} at line {line}"


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda path: path.stem)
def test_kept_output_is_of_the_file_as_it_is(output: Path) -> None:
    """A stack names functions where the file has them; else measure the program anew."""
    assert [] == [*strange(output.read_text("utf-8"))]


def test_output_of_another_program_is_found() -> None:
    """A line of a function that is elsewhere, or that there is none of, is not taken."""
    file = "threads/share_one_client"
    frames = f'File "recipes/{file}.py", line 1 in main\nFile "recipes/{file}.py", line 2 in no\n'

    assert 2 == len([*strange(frames)])
