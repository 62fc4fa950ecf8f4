"""What the directives and roles of the book share: where they read, and how Markdown is written.

A directive hands the record to a function that returns Markdown. Such a function knows nothing of
Sphinx, and the record comes from one place, the value `cookbook_record` of conf.py: so a test, or
another project, draws the same tables from trials of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from jinja2 import Environment as Templates
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from tests.book import place_of, recipe_of, recipes_of
from tests.evidence.record.cells import Kind
from tests.evidence.record.plan import FEW
from tests.evidence.record.statistics import CONFIDENCE, Outcomes
from tests.evidence.record.store import RECORD, Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

Shown = tuple[list[nodes.Node], list[nodes.system_message]]
TEMPLATES = Templates(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - it makes Markdown
HTML = Templates(trim_blocks=True, lstrip_blocks=True, autoescape=True)

ABSENT, TITLES = "cookbook-absent", "cookbook-titles"
"""What a page's metadata keep: the sources that were not there, and titles of other pages."""

FORK_SUPPORT_COLUMN = "`GRPC_ENABLE_FORK_SUPPORT`"
INTERVAL_COLUMN = f"failures ({CONFIDENCE:.0%} interval)"

TABLE = TEMPLATES.from_string("""\
| {{ rows[0] | join(" | ") }} |
|{{ " --- |" * rows[0] | length }}
{% for row in rows %}
| {{ row.values() | join(" | ") }} |
{% endfor %}
""")


def numbers(version: str) -> list[tuple[int, str]]:
    """Return what sorts versions by their numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in version.split(".")]


def listed(values: Iterable[str]) -> str:
    """List what there is once each, versions by number."""
    return ", ".join(sorted(set(values), key=numbers))


def span(trials: Iterable[Trial]) -> str:
    """Return the days of trials."""
    dates = sorted({trial.date[:10] for trial in trials})
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def versions(trials: Iterable[Trial]) -> dict[str, str]:
    """List what trials ran with, by the names that an environment has for it."""
    environments = [trial.environment for trial in trials]
    names = ("python", "grpcio", "google_cloud_iam", "system")
    return {name: listed(getattr(each, name) for each in environments) for name in names}


def label(file: str) -> str:
    """Return what a link to the evidence of a recipe names."""
    return "evidence-" + file.replace("/", "-").replace("_", "-")


def linked(text: str, link: str) -> str:
    """Make a link of a text, if there is something to link."""
    return f"[{text}]({link})" if link else text


def page_link(file: str) -> str:
    """Link to the page of a recipe, or of the recipe of a broken twin, by the file's name."""
    return f"[`{file}`](/{place_of(recipe_of(file))})"


def badge(outcome: str, count: int) -> str:
    """Show an outcome with how often it came."""
    return f"[`{outcome}` {count}]{{.outcome-{'ok' if outcome == 'ok' else 'fail'}}}"


def badges(outcomes: Outcomes) -> str:
    """Show each outcome, the most common first."""
    most_common = sorted(outcomes.items(), key=lambda each: each[1], reverse=True)
    return " ".join(badge(*each) for each in most_common)


def interval(stored: Verdict) -> str:
    """Return the interval of the frequency of failure."""
    low, high = stored.frequency
    return f"{low:.0%} to {high:.0%}"


def tally(subject: str, kinds: Mapping[Kind, int], wanted: Kind, link: str = "") -> str:
    """Say in how many of all environments a file did what is wanted of it."""
    count = {kind: kinds.get(kind, 0) for kind in ("held", "failed", "not offered")}
    measured = count["held"] + count["failed"]
    if measured:
        environments = "1 environment" if measured == 1 else f"{measured} environments"
        told = f"{wanted} in {linked(f'{count[wanted]} of {environments} measured so far', link)}"
    else:
        told = f"has {linked(f'no environment with {FEW} trials yet', link)}"
    missing = count["not offered"]
    others = f"; {missing} more {'do' if missing > 1 else 'does'} not offer what it uses"
    return f"{subject} {told}{others if missing else ''}."


class EvidenceDirective(SphinxDirective):
    """Parses Markdown that a function drew."""

    sections = False
    """Whether what is drawn may have headings."""

    @property
    def record(self) -> Record:
        """The record that this project draws from."""
        return cast(Record, self.config.cookbook_record)

    def parse(
        self, draw: Callable[[], str], *sources: Path, titles: Iterable[Path] = ()
    ) -> list[nodes.Node]:
        """Return what was drawn; the page is drawn anew where a source or a title has changed.

        Of a source that is not there, it is when it comes. To Sphinx it would be at each build.
        """
        noted = self.env.metadata[self.env.docname]
        for source in sources:
            if source.exists():
                self.env.note_dependency(str(source))
            else:
                noted.setdefault(ABSENT, set()).add(str(source))
        noted.setdefault(TITLES, {}).update({str(page): first_line(page) for page in titles})
        try:
            return self.parse_text_to_nodes(draw(), allow_section_headings=self.sections)
        except (LookupError, ValueError) as error:
            raise self.error(str(error)) from error


class OfRecipe(EvidenceDirective):
    """Shows something of the recipe that the page is about; of several, the option `of` names it.

    The recipe of docs/chapter/some-name.md is recipes/chapter/some_name.py, unless tests/book.py
    says which recipes share the page.
    """

    option_spec: ClassVar[OptionSpec] = {"of": directives.unchanged_required}

    @property
    def recipe(self) -> str:
        """The recipe, by its path below recipes/.

        Raises the error of a directive where the option does not say which it is.
        """
        here = recipes_of(f"{self.env.docname}.md", self.record.book.chapters)
        wanted = self.options.get("of")
        found = [file for file in here if wanted in (None, file.rpartition("/")[2])]
        if len(found) != 1:
            names = ", ".join(file.rpartition("/")[2] for file in here)
            raise self.error(f"name one recipe of this page by the option `of`: {names}")
        return found[0]


def drawn(draw: Callable[[Record], str], *files: Path) -> type[EvidenceDirective]:
    """Make a directive that shows what a function draws from all of a record and these files."""

    class Drawn(EvidenceDirective):
        def run(self) -> list[nodes.Node]:
            sources = (*files, *self.record.paths(), self.record.not_installed.path)
            return self.parse(partial(draw, self.record), *sources)

    return Drawn


class NumberRole(SphinxRole):
    """Shows a number that stands in a file."""

    @property
    def record(self) -> Record:
        """The record that this project draws from."""
        return cast(Record, self.config.cookbook_record)

    def show(self, file: Path, draw: Callable[[], str]) -> Shown:
        """Return what was drawn, or the error that there is no such number."""
        self.env.note_dependency(str(file))
        try:
            return [nodes.Text(draw())], []
        except LookupError as error:
            return [], [self.inliner.reporter.error(str(error), line=self.lineno)]


def first_line(page: Path) -> str:
    """Return the first line of a page, nothing where there is no page."""
    return page.read_text("utf-8").partition("\n")[0] if page.exists() else ""


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Name the pages to draw anew: an absent source has come, or a title is another."""
    return [
        page
        for page, noted in env.metadata.items()
        if any(Path(source).exists() for source in noted.get(ABSENT, ()))
        or any(first_line(Path(each)) != seen for each, seen in noted.get(TITLES, {}).items())
    ]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register where the record comes from, and which pages are drawn anew."""
    app.connect("env-get-outdated", outdated)
    app.add_config_value("cookbook_record", RECORD, "", Record)
    return {"version": "1", "parallel_read_safe": True}
