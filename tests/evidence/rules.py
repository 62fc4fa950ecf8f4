"""Rules: each recipe with its broken twin, in the order of the book's chapters."""

from typing import NamedTuple

from tests.evidence.trials import recipe_files

CHAPTERS = ("threads", "event_loops", "processes", "safeguards")
FORKING = ("processes", "safeguards")
"""Of these, whose main process forks: if it dies by a signal, the parent crashed."""


class Rule(NamedTuple):
    """A recipe, and its broken twin where it has one."""

    recipe: str
    twin: str | None

    @property
    def chapter(self) -> str:
        """Return the folder that both are in."""
        return self.recipe.partition("/")[0]

    @property
    def files(self) -> list[str]:
        """List the recipe, and the twin where there is one."""
        return [file for file in self if file is not None]


def rules(chapter: str | None = None) -> list[Rule]:
    """List the rules of one chapter, or of all."""
    files = recipe_files()
    found = [
        Rule(file, twin if (twin := f"{file}_broken") in files else None)
        for file in files
        if not file.endswith("_broken")
    ]
    found.sort(key=lambda rule: CHAPTERS.index(rule.chapter))
    return [rule for rule in found if chapter in (None, rule.chapter)]
