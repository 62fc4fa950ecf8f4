"""The book: where its parts are, and what is declared of each chapter, in this one place.

A leaf: every module of the project may import it, and it imports none of them. A book is an
object and no set of globals, so that a test can make one with a chapter more, in its own folder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
START_METHODS = ("fork", "spawn", "forkserver")
TWIN = "_broken"
"""What the name of a broken twin has after its recipe's."""


class Rule(NamedTuple):
    """A recipe, and its broken twin where it has one."""

    recipe: str
    twin: str | None

    @property
    def chapter(self) -> str:
        """Return the folder that both are in."""
        return chapter_of(self.recipe)

    @property
    def files(self) -> list[str]:
        """List the recipe, and the twin where there is one."""
        return [file for file in self if file is not None]


class Part(NamedTuple):
    """What a recipe is on a page that several share, and what tells it from the others there."""

    page: str
    name: str


@dataclass(frozen=True)
class Chapter:
    """A folder of recipes, and what holds for its programs.

    `forks` tells that they start processes: one whose first process dies by a signal is then a
    `parent crash`. `start_methods` are those that make a difference to them.
    `chosen` names the programs that start no process, or choose themselves how to, each with the
    method to set; a recipe stands for its broken twin where that is not named.
    `shared` names the recipes whose page is not theirs alone; any other has the page of its name.
    `modules` are files that recipes import from beside them, and that are no recipes themselves.
    """

    name: str
    title: str
    forks: bool = False
    start_methods: tuple[str, ...] = ("fork",)
    chosen: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Part] = field(default_factory=dict)
    modules: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Return the folder of its pages below docs/, which names its page of evidence, too."""
        return self.name.replace("_", "-")


CHAPTERS = (
    Chapter("threads", "Threads"),
    Chapter(
        "event_loops",
        "Event loops",
        chosen={"use_processes": "forkserver", "use_processes_broken": "fork"},
    ),
    Chapter(
        "processes",
        "Processes",
        forks=True,
        start_methods=START_METHODS,
        chosen={
            "choose_start_method": "forkserver",
            "choose_start_method_broken": "fork",
            "close_then_fork_broken": "fork",
            "create_on_first_use_broken": "fork",
            "fork_before_threads_broken": "fork",
            "fork_directly": "fork",
            "preload_forkserver": "forkserver",
            "recycle_workers": "forkserver",
            "recycle_workers_broken": "fork",
            "start_other_programs": "fork",
        },
        shared={
            "create_in_executor_worker": Part("create-in-worker", "`ProcessPoolExecutor`"),
            "create_in_pool_worker": Part("create-in-worker", "`Pool`"),
            "create_in_process": Part("create-in-worker", "`Process`"),
            "list_first_then_fork": Part("parent-needs-a-client", "ask in a worker"),
            "close_then_fork": Part("parent-needs-a-client", "close in a worker"),
            "fork_before_threads": Part("parent-needs-a-client", "fork before the threads"),
        },
    ),
    Chapter(
        "safeguards",
        "Safeguards",
        forks=True,
        shared={
            "fork_while_calling": Part("fork-gate", "a program behind it"),
            "refuse_inherited_client": Part("fork-guard", "a program that it stops"),
        },
        modules=("fork_gate", "fork_guard"),
    ),
)
"""The chapters whose recipes have verdicts, in the order of the book."""


@dataclass(frozen=True)
class Book:
    """A checkout of the book. A file is a path below recipes/ without its suffix."""

    root: Path = ROOT
    chapters: tuple[Chapter, ...] = CHAPTERS

    @property
    def docs(self) -> Path:
        """Where the pages are."""
        return self.root / "docs"

    @property
    def recipes(self) -> Path:
        """Where the recipes and their twins are."""
        return self.root / "recipes"

    def chapter(self, file: str) -> Chapter:
        """Return the chapter of a file.

        Raises LookupError where none of this name is declared.
        """
        name = chapter_of(file)
        for chapter in self.chapters:
            if chapter.name == name:
                return chapter
        raise LookupError(f"no chapter {name}: declare it in tests/book.py")

    def path(self, file: str) -> Path:
        """Return where a recipe or broken twin is."""
        return self.recipes / f"{file}.py"

    def page(self, file: str) -> Path:
        """Return where the page of a recipe is."""
        return self.docs / page_of(file, self.chapters)

    def title(self, file: str) -> str:
        """Return the heading of a recipe's page, with the recipe's part where others share it."""
        heading, *_ = self.page(file).read_text("utf-8").splitlines()
        part = part_of(file, self.chapters)
        return heading.removeprefix("# ") + (f": {part}" if part else "")

    def files(self) -> list[str]:
        """List every recipe and broken twin, in alphabetical order."""
        return sorted(
            path.relative_to(self.recipes).with_suffix("").as_posix()
            for chapter in self.chapters
            for path in (self.recipes / chapter.name).glob("*.py")
            if path.stem not in chapter.modules
        )

    def modules(self) -> list[str]:
        """List what recipes import from beside them, and what readers copy."""
        return [f"{chapter.name}/{name}" for chapter in self.chapters for name in chapter.modules]

    def rules(self, chapter: str | None = None) -> list[Rule]:
        """List the rules of one chapter, or of all in the order of the book."""
        files = self.files()
        found = [
            Rule(file, twin if (twin := f"{file}{TWIN}") in files else None)
            for file in files
            if not is_twin(file)
        ]
        order = [chapter.name for chapter in self.chapters]
        found.sort(key=lambda rule: order.index(rule.chapter))
        return [rule for rule in found if chapter in (None, rule.chapter)]

    def start_methods(self, file: str) -> tuple[str, ...]:
        """Return the start methods that make a difference to a recipe or broken twin."""
        chapter = self.chapter(file)
        name = file.removeprefix(f"{chapter.name}/")
        for own in (name, name.removesuffix(TWIN)):
            if own in chapter.chosen:
                return (chapter.chosen[own],)
        return chapter.start_methods

    def variants(self, *files: str) -> list[tuple[str, str]]:
        """List each file with each start method that makes a difference to it."""
        return [(file, method) for file in files for method in self.start_methods(file)]


def chapter_of(file: str) -> str:
    """Return the folder of a file."""
    return file.partition("/")[0]


def is_twin(file: str) -> bool:
    """Tell a broken twin from a recipe."""
    return file.endswith(TWIN)


def recipe_of(file: str) -> str:
    """Return the recipe of a broken twin; a recipe is its own."""
    return file.removesuffix(TWIN)


def page_of(file: str, chapters: Iterable[Chapter] = CHAPTERS) -> str:
    """Return the path below docs/ of the page that a recipe is on."""
    part = _shared(chapters).get(file)
    name = f"{chapter_of(file)}/{part.page}" if part else file
    return f"{name.replace('_', '-')}.md"


def place_of(file: str, chapters: Iterable[Chapter] = CHAPTERS) -> str:
    """Return where links to a recipe lead: its page, and its tab there where others share it."""
    tab = file.rpartition("/")[2].replace("_", "-")
    return page_of(file, chapters) + (f"#{tab}" if file in _shared(chapters) else "")


def part_of(file: str, chapters: Iterable[Chapter] = CHAPTERS) -> str:
    """Return what tells a recipe from the others of its page, nothing where it is the only one."""
    part = _shared(chapters).get(file)
    return part.name if part else ""


def recipes_of(page: str, chapters: Iterable[Chapter] = CHAPTERS) -> list[str]:
    """List the recipes that share a page, by its path below docs/.

    Any other page is of the one recipe of its name, whether there is one or not.
    """
    shared = [file for file in _shared(chapters) if page_of(file, chapters) == page]
    return shared or [page.removesuffix(".md").replace("-", "_")]


def _shared(chapters: Iterable[Chapter]) -> dict[str, Part]:
    return {
        f"{chapter.name}/{name}": part
        for chapter in chapters
        for name, part in chapter.shared.items()
    }


BOOK = Book()
"""This one."""
