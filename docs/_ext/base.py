"""Sphinx directives that draw each page's numbers from the stored trials.

`verified` (no argument): how the recipe that the page is about held.
`verdicts FILE`: the outcomes of a recipe or broken twin by start method; its option `fork-support`
lists values of GRPC_ENABLE_FORK_SUPPORT (`unset 0 1`), which then have a column.
`output FILE START_METHOD [FORK_SUPPORT]`: what a broken twin printed when it failed.
`environments`: where the trials were made, a row for releases that differ in one package alone.

`benchmark NAME`: the table of a benchmark's stored result, with its versions and date; its option
`rows` chooses some of the rows (`COLUMN = VALUE`), which then stand alone.
`measured NAME`: the versions and the date of a benchmark alone.

The role `figure` shows one figure of a stored result: `NAME:KEY`.
The role `constant` shows a number as a file of the checkout defines it: `PATH:NAME`.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from jinja2 import Environment as Templates
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from tests.benchmarks import results
from tests.evidence.cells import Kind, alike, kinds
from tests.evidence.jobs import start_methods
from tests.evidence.plan import TRIALS
from tests.evidence.trials import (
    OUTPUTS,
    RECORDS,
    ROOT,
    Environment,
    Trial,
    all_trials,
    recipe_path,
    record_of,
)
from tests.evidence.verdicts import CONFIDENCE, Verdict, verdict
from tests.runner import START_METHODS

Shown = tuple[list[nodes.Node], list[nodes.system_message]]
TEMPLATES = Templates(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - it makes Markdown

FORK_SUPPORT_COLUMN = "`GRPC_ENABLE_FORK_SUPPORT`"
INTERVAL_COLUMN = f"failures ({CONFIDENCE:.0%} interval)"

VERIFIED = TEMPLATES.from_string("""\
:::{container} verified
**Verified** {{ dates }}: `ok` in {{ ok }} of {{ total }} trials of this text{{ failures }},
with start methods {{ start_methods }};
Python {{ python }};
grpcio {{ grpcio }};
google-cloud-iam {{ google_cloud_iam }};
{{ system }}.
{{ tally }}
[How this is measured](/evidence/index.md).
:::
""")

MEASURED = TEMPLATES.from_string("""

Measured {{ result.date }} with Python {{ result.python }}, grpcio {{ result.grpcio }} and
google-cloud-iam {{ result.google_cloud_iam }} on {{ result.cores }} cores;
`python3 noxfile.py bench -- {{ name }}` measures it again.
""")

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


def shortened(releases: Iterable[str]) -> str:
    """List a few releases; of many, name the first and the last."""
    found = sorted(set(releases), key=numbers)
    few = len(found) <= 3
    return ", ".join(found) if few else f"{found[0]} to {found[-1]} ({len(found)} releases)"


def page_of(file: str) -> str:
    """Return the path below docs/ of the page that a recipe has."""
    return f"{file.replace('_', '-')}.md"


def label(file: str) -> str:
    """Return what a link to the evidence of a recipe names."""
    return "evidence-" + file.replace("/", "-").replace("_", "-")


def span(trials: Iterable[Trial]) -> str:
    """Return the days of trials."""
    dates = sorted({trial.date[:10] for trial in trials})
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def versions(trials: Iterable[Trial]) -> dict[str, str]:
    environments = [trial.environment for trial in trials]
    names = ("python", "grpcio", "google_cloud_iam", "system")
    return {name: listed(getattr(each, name) for each in environments) for name in names}


def verified(stored: Verdict) -> str:
    failed = {name: count for name, count in stored.outcomes.items() if name != "ok"}
    used = {trial.environment.start_method for trial in stored.trials}
    return VERIFIED.render(
        dates=span(stored.trials),
        ok=stored.outcomes["ok"],
        total=len(stored.trials),
        failures="".join(f", `{name}` in {count}" for name, count in sorted(failed.items())),
        start_methods=", ".join(method for method in START_METHODS if method in used),
        tally=tally("It", stored.file, "held", f"#{label(stored.file)}"),
        **versions(stored.trials),
    )


def tally(subject: str, file: str, wanted: Kind, link: str = "") -> str:
    """Say in how many of all environments a file did what is wanted of it."""
    count = kinds(file)
    measured = count["held"] + count["failed"]
    if measured:
        environments = "1 environment" if measured == 1 else f"{measured} environments"
        told = f"{wanted} in {linked(f'{count[wanted]} of {environments} measured so far', link)}"
    else:
        told = f"has {linked(f'no environment with {TRIALS} trials yet', link)}"
    missing = count["not offered"]
    others = f"; {missing} more {'do' if missing > 1 else 'does'} not offer what it uses"
    return f"{subject} {told}{others if missing else ''}."


def linked(text: str, link: str) -> str:
    return f"[{text}]({link})" if link else text


def verdicts(file: str, fork_support: Sequence[str] = ("unset",)) -> str:
    rows = [
        verdict_row(Verdict(file, tuple(trials)))
        for support in fork_support
        for method in start_methods(file)
        for trials in by_outcome(verdict(file, method, support).trials)
    ]
    if list(fork_support) != ["unset"]:
        return TABLE.render(rows=rows)
    return TABLE.render(rows=[{k: row[k] for k in row if k != FORK_SUPPORT_COLUMN} for row in rows])


def badge(outcome: str, count: int) -> str:
    return f"[`{outcome}` {count}]{{.outcome-{'ok' if outcome == 'ok' else 'fail'}}}"


def interval(stored: Verdict) -> str:
    """Return the interval of the frequency of failure."""
    low, high = stored.frequency
    return f"{low:.0%} to {high:.0%}"


def verdict_row(stored: Verdict) -> dict[str, object]:
    shown = versions(stored.trials)
    return {
        FORK_SUPPORT_COLUMN: stored.environments[0].fork_support,
        "start method": stored.environments[0].start_method,
        "outcome": " ".join(badge(name, n) for name, n in stored.outcomes.most_common()),
        "trials": len(stored.trials),
        INTERVAL_COLUMN: interval(stored),
        "Python": shown["python"],
        "grpcio": shown["grpcio"],
    }


def by_environment(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Group trials by the versions and the system that they ran with, oldest versions first."""

    def key(trial: Trial) -> tuple[object, ...]:
        each = trial.environment
        return (*map(numbers, (each.python, each.grpcio, each.google_cloud_iam)), each.system)

    return [list(group) for _, group in groupby(sorted(trials, key=key), key=key)]


def by_outcome(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Group trials by environment, and those together where all ended in the same one way."""
    rows: dict[object, list[Trial]] = {}
    for group in by_environment(trials):
        outcomes = {trial.outcome for trial in group}
        rows.setdefault(outcomes.pop() if len(outcomes) == 1 else group[0], []).extend(group)
    return list(rows.values())


def environments() -> str:
    """Draw where trials were made, with whichever settings; a row differs in one package alone."""
    made: dict[Environment, list[Trial]] = defaultdict(list)
    for trial in all_trials():
        made[trial.environment].append(trial)
    releases: dict[Environment, list[Trial]] = defaultdict(list)
    for environment, trials in made.items():
        releases[replace(environment, start_method="any", fork_support="any")] += trials
    rows = []
    for group in alike(releases):
        trials = [trial for environment in group for trial in releases[environment]]
        rows.append(
            {
                "Python": group[0].python,
                "grpcio": shortened(it.grpcio for it in group),
                "google-cloud-iam": shortened(it.google_cloud_iam for it in group),
                "system": group[0].system,
                "trials": f"{len(trials):,}",
                "dates": span(trials),
            }
        )
    return TABLE.render(rows=rows)


class EvidenceDirective(SphinxDirective):
    """Parses Markdown that a function drew from the trials."""

    sections = False
    """Whether what is drawn may have headings."""

    def parse(self, draw: Callable[[], str], *sources: Path) -> list[nodes.Node]:
        for source in sources:
            self.env.note_dependency(str(source))
        try:
            return self.parse_text_to_nodes(draw(), allow_section_headings=self.sections)
        except (LookupError, ValueError) as error:
            raise self.error(str(error)) from error


class VerifiedDirective(EvidenceDirective):
    """The recipe of docs/chapter/some-name.md is recipes/chapter/some_name.py."""

    def run(self) -> list[nodes.Node]:
        file = self.env.docname.replace("-", "_")
        self.env.note_dependency(str(recipe_path(file)))
        return self.parse(lambda: verified(verdict(file)), record_of(file))


class VerdictsDirective(EvidenceDirective):
    """Shows the outcomes of the recipe or broken twin that it names."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        file = self.arguments[0]
        support = self.options.get("fork-support", "unset").split()
        return self.parse(lambda: verdicts(file, support), record_of(file))


class EnvironmentsDirective(EvidenceDirective):
    """Shows where the trials were made."""

    def run(self) -> list[nodes.Node]:
        return self.parse(environments, *RECORDS.rglob("*.csv"))


class OutputDirective(SphinxDirective):
    """Shows a stored output as it was printed."""

    required_arguments = 2
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        output = OUTPUTS / (".".join(self.arguments) + ".txt")
        if not output.exists():
            raise self.error(f"no {output.name}: run python3 noxfile.py evidence")
        self.env.note_dependency(str(output))
        text = output.read_text("utf-8")
        return [nodes.literal_block(text, text, language="text", source=str(output))]


def benchmark(name: str, wanted: str | None = None) -> str:
    rows = results.chosen(results.read(name).rows, wanted)
    return TABLE.render(rows=rows) + (measured(name) if wanted is None else "")


def measured(name: str) -> str:
    return MEASURED.render(result=results.read(name), name=name)


def constant(path: str, name: str) -> str:
    """Return a number that a module assigns to a name, with commas between thousands.

    Raises LookupError where there is no such file or no such number in it.
    """
    file = ROOT / path
    module = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    for node in module.body:
        if isinstance(node, ast.Assign) and [name] == [ast.unparse(to) for to in node.targets]:
            return f"{ast.literal_eval(node.value):,}"
    raise LookupError(f"{path} has no number {name}")


class NumberRole(SphinxRole):
    """Shows a number that stands in a file."""

    def show(self, file: Path, draw: Callable[[], str]) -> Shown:
        self.env.note_dependency(str(file))
        try:
            return [nodes.Text(draw())], []
        except LookupError as error:
            return [], [self.inliner.reporter.error(str(error), line=self.lineno)]


class ConstantRole(NumberRole):
    """Shows the number that a file defines."""

    def run(self) -> Shown:
        path, _, name = self.text.partition(":")
        return self.show(ROOT / path, lambda: constant(path, name))


class FigureRole(NumberRole):
    """Shows a figure that a benchmark measured."""

    def run(self) -> Shown:
        name, _, key = self.text.partition(":")
        return self.show(results.path_of(name), lambda: results.figure(name, key))


class BenchmarkDirective(EvidenceDirective):
    """Shows the table of a benchmark, and what it was measured with."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"rows": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        wanted = self.options.get("rows")
        return self.parse(lambda: benchmark(name, wanted), results.path_of(name))


class MeasuredDirective(EvidenceDirective):
    """Shows what a benchmark was measured with."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        return self.parse(lambda: measured(name), results.path_of(name))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives with Sphinx."""
    app.add_directive("verified", VerifiedDirective)
    app.add_directive("verdicts", VerdictsDirective)
    app.add_directive("environments", EnvironmentsDirective)
    app.add_directive("output", OutputDirective)
    app.add_directive("benchmark", BenchmarkDirective)
    app.add_directive("measured", MeasuredDirective)
    app.add_role("constant", ConstantRole())
    app.add_role("figure", FigureRole())
    return {"version": "1", "parallel_read_safe": True}
