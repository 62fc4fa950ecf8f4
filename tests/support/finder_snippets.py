"""Snippets of code for the check of shared clients, right and wrong, and what it must find."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "safeguards/find_shared_clients/snippets"
MARK = re.compile(r"#> (?P<found>[a-z-]+ \d+(?:, [a-z-]+ \d+)*)$")


@dataclass
class Snippet:
    """One or more files; `expected` holds file, line, column and rule of each finding."""

    rule: str
    title: str
    files: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}: {self.title}"

    @property
    def is_right(self) -> bool:
        return self.title.startswith("right: ")

    @property
    def expected(self) -> set[tuple[str, int, int, str]]:
        return {
            (name, number, int(column), rule)
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), start=1)
            if (mark := MARK.search(line))
            for rule, column in (each.split() for each in mark["found"].split(", "))
        }

    def write(self, folder: Path) -> None:
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def snippets() -> Iterator[Snippet]:
    """Read all snippets: `=== TITLE` begins one, `--- NAME` one of its files."""
    for path in sorted(FOLDER.glob("*.txt")):
        snippet: Snippet | None = None
        name = ""
        for line in path.read_text("utf-8").splitlines(keepends=True):
            if line.startswith("=== "):
                if snippet:
                    yield snippet
                snippet = Snippet(path.stem, line[4:].strip())
            elif snippet and line.startswith("--- "):
                name = line[4:].strip()
                snippet.files[name] = ""
            elif snippet:
                snippet.files[name] += line
        if snippet:
            yield snippet
