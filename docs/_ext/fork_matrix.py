"""Sphinx directives that draw the fork matrix from its stored trials.

`fork-matrix PARENT:CHILD...`: situations by release of grpcio; its option `fork-support` names a
value of GRPC_ENABLE_FORK_SUPPORT.
`fork-settings GRPCIO PYTHON`: one release, by the values of GRPC_ENABLE_FORK_SUPPORT.
`fork-changes PYTHON`: between which releases the failures of a situation changed.
`fork-errors PARENT:CHILD`: what the child's errors said, by release.
`fork-conditions`: what the trials were made with.

The role `fork-change` shows the release of grpcio that changed a situation last:
`PARENT:CHILD[:FORK_SUPPORT]`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import ClassVar, TypeVar

from docutils import nodes
from docutils.parsers.rst import directives
from scipy.stats import fisher_exact
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from _ext.base import (
    TABLE,
    TEMPLATES,
    NumberRole,
    Shown,
    badge,
    listed,
    numbers,
)
from tests.evidence.fork_matrix.measure import CELLS
from tests.evidence.fork_matrix.trials import (
    PROBE,
    RECORD,
    ForkTrial,
    Line,
    NotInstalled,
    read,
)
from tests.evidence.record.environment import FORK_SUPPORT
from tests.evidence.record.plan import PYTHON

Row = TypeVar("Row", ForkTrial, Line)
Situation = tuple[str, str]
"""A state of the parent, and what its child does."""

PARENTS = {
    "imported": "has imported the library",
    "constructed": "has constructed a client",
    "idle": "has a client, no call under way",
    "busy": "has a client, threads call with it",
    "closed": "has closed its client just before",
    "aio": "has an open async client",
}
CHILDREN = {
    "none": "makes no call",
    "fresh": "creates a client",
    "reuse": "uses the inherited client",
    "fresh-aio": "creates an async client",
}
NO_CHILD = "no child"
NOT_TRIED = "not tried"
LUCK = 0.001
"""Two releases differ where equal ones would differ so much in fewer than this share of cases."""

CONDITIONS = TEMPLATES.from_string("""\
:::{container} verified
Measured {{ dates }}: {{ trials }} forks, {{ least }} to {{ most }} of each situation and release;
grpcio {{ grpcio }};
Python {{ python }};
google-cloud-iam {{ google_cloud_iam }};
{{ system }}.
:::
""")


def in_order(lines: Iterable[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """Group lines by grpcio and Python, oldest first."""

    def key(line: Row) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        return numbers(line.grpcio), numbers(line.python)

    for _, group in groupby(sorted(lines, key=key), key=key):
        grouped = list(group)
        yield grouped[0].grpcio, grouped[0].python, grouped


def of_child(trial: ForkTrial) -> str:
    return trial.child_outcome or NO_CHILD


def of_parent(trial: ForkTrial) -> str:
    return trial.parent_outcome


def badges(trials: Sequence[ForkTrial], who: Callable[[ForkTrial], str]) -> str:
    """Count outcomes, the most common first."""
    return " ".join(badge(*each) for each in Counter(map(who, trials)).most_common())


def both(trials: Sequence[ForkTrial]) -> str:
    """Count outcomes of the child, then those of the parent if it was not well each time."""
    if not trials:
        return NOT_TRIED
    unwell = failures(trials, of_parent)
    return badges(trials, of_child) + (f" parent: {badges(trials, of_parent)}" if unwell else "")


def failures(trials: Sequence[ForkTrial], who: Callable[[ForkTrial], str]) -> int:
    return sum(who(trial) != "ok" for trial in trials)


def by_release(lines: Sequence[Line], cells: Sequence[Situation], fork_support: str) -> str:
    """Draw a row for each release, with a column for each situation.

    Raises LookupError where there is no trial.
    """
    rows = []
    several = len({line.python for line in lines}) > 1
    for grpcio, python, group in in_order(lines):
        row = {"grpcio": grpcio} | ({"Python": python} if several else {})
        refused = [line.not_installed for line in group if isinstance(line, NotInstalled)]
        found = {title(*it): of_situation(group, *it, fork_support) for it in cells}
        if any(found.values()):
            rows.append(row | {heading: both(trials) for heading, trials in found.items()})
        elif refused:
            rows.append(row | dict.fromkeys(found, f"none: {refused[0]}"))
    if not rows:
        raise LookupError(f"no such fork; {command(cells)}")
    return TABLE.render(rows=rows)


def title(parent: str, child: str) -> str:
    return f"the parent {PARENTS[parent]}, the child {CHILDREN[child]}"


def by_setting(lines: Sequence[Line], grpcio: str, python: str) -> str:
    """Draw a row for each situation of one release, with a column for each value of the variable.

    Raises LookupError where there is no trial.
    """
    rows = []
    of_release = [line for line in of_python(lines, python) if line.grpcio == grpcio]
    for parent, child in CELLS:
        found = {it: of_situation(of_release, parent, child, it) for it in FORK_SUPPORT}
        if any(found.values()):
            row = {"the parent": PARENTS[parent], "the child": CHILDREN[child]}
            rows.append(row | {support: both(trials) for support, trials in found.items()})
    if not rows:
        raise LookupError(f"no fork with grpcio {grpcio} on Python {python}; {command(CELLS)}")
    return TABLE.render(rows=rows)


def of_python(lines: Iterable[Line], python: str) -> list[Line]:
    """Choose those of a minor version, such as 3.10."""
    return [line for line in lines if line.python.startswith(f"{python}.")]


def of_situation(
    lines: Iterable[Line], parent: str, child: str, fork_support: str
) -> list[ForkTrial]:
    wanted = (parent, child, fork_support)
    return [
        line
        for line in lines
        if isinstance(line, ForkTrial) and wanted == (line.parent, line.child, line.fork_support)
    ]


def changes(lines: Sequence[Line], python: str, fork_support: str) -> Iterator[dict[str, str]]:
    """Yield a row for each situation and each pair of releases between which failures changed."""
    for cell in CELLS:
        for before, after in that_differ(lines, cell, python, fork_support):
            yield {
                "between grpcio": f"{before[0].grpcio} and {after[0].grpcio}",
                "situation": title(*cell),
                "before": both(before),
                "after": both(after),
            }


def that_differ(
    lines: Sequence[Line], cell: Situation, python: str, fork_support: str
) -> Iterator[tuple[list[ForkTrial], list[ForkTrial]]]:
    """Yield the trials of each two neighbouring releases between which failures changed."""
    measured = in_order(of_situation(of_python(lines, python), *cell, fork_support))
    for (_, _, before), (_, _, after) in pairwise(measured):
        if any(differ(before, after, who) for who in (of_child, of_parent)):
            yield before, after


def last_change(lines: Sequence[Line], cell: Situation, fork_support: str) -> str:
    """Return the newest release whose failures differ from those of the release before it.

    Raises LookupError where they never changed.
    """
    found = [after for _, after in that_differ(lines, cell, PYTHON, fork_support)]
    if not found:
        raise LookupError(f"nothing changed in {':'.join(cell)}; {command([cell])}")
    return found[-1][0].grpcio


def differ(
    before: Sequence[ForkTrial], after: Sequence[ForkTrial], who: Callable[[ForkTrial], str]
) -> bool:
    """Tell whether one failed more often than the other by more than luck (Fisher's exact test)."""
    failed = [failures(trials, who) for trials in (before, after)]
    counts = [[n, len(it) - n] for n, it in zip(failed, (before, after), strict=True)]
    return bool(fisher_exact(counts).pvalue < LUCK)


def changes_in_order(lines: Sequence[Line], python: str, fork_support: str) -> str:
    """Draw the changes, oldest release first.

    Raises LookupError where there is none.
    """
    rows = list(changes(lines, python, fork_support))
    if not rows:
        raise LookupError(f"nothing changed between releases with {fork_support}")
    rows.sort(key=lambda row: numbers(row["between grpcio"].split()[0]))
    return TABLE.render(rows=rows)


def errors(lines: Sequence[Line], cell: Situation, fork_support: str) -> str:
    """Draw a row for each text of the child's error and each release that had it.

    Raises LookupError where no child had one.
    """
    rows = []
    for grpcio, _, group in in_order(of_situation(lines, *cell, fork_support)):
        texts = Counter(trial.child_error for trial in group if trial.child_error)
        rows += [
            {
                "grpcio": grpcio,
                "text of the error": f"`{text}`",
                "forks": f"{count} of {len(group)}",
            }
            for text, count in texts.most_common()
        ]
    if not rows:
        raise LookupError(f"no child had an error; {command([cell])}")
    return TABLE.render(rows=rows)


def conditions(lines: Sequence[Line]) -> str:
    """Say what the trials were made with."""
    trials = [line for line in lines if isinstance(line, ForkTrial)]
    if not trials:
        raise LookupError(f"no stored fork; {command(CELLS)}")
    counts = Counter(trial.setting for trial in trials).values()
    dates = sorted({trial.date for trial in trials})
    return CONDITIONS.render(
        dates=" to ".join(dict.fromkeys((dates[0], dates[-1]))),
        trials=f"{len(trials):,}",
        least=min(counts),
        most=max(counts),
        grpcio=listed(trial.grpcio for trial in trials),
        python=listed(trial.python for trial in trials),
        google_cloud_iam=listed(trial.google_cloud_iam for trial in trials),
        system=listed(trial.system for trial in trials),
    )


def command(cells: Iterable[Situation]) -> str:
    """Say how to make the trials that are missing."""
    options = " ".join(f"--cell {parent}:{child}" for parent, child in cells)
    return f"run: .venv/bin/python -m tests.evidence.fork_matrix.measure {options}"


class ForkDirective(SphinxDirective):
    """Parses Markdown that a function of this module drew from the trials."""

    def parse(self, draw: Callable[[Sequence[Line]], str]) -> list[nodes.Node]:
        for file in (RECORD, PROBE):
            self.env.note_dependency(str(file))
        try:
            return self.parse_text_to_nodes(draw(read()))
        except (LookupError, ValueError) as error:
            raise self.error(str(error)) from error


class ByRelease(ForkDirective):
    """Shows situations by release."""

    required_arguments = 1
    optional_arguments = len(CELLS) - 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        cells = [cell for cell in CELLS if ":".join(cell) in self.arguments]
        if len(cells) != len(self.arguments):
            raise self.error(f"no such situation among {' '.join(self.arguments)}")
        support = self.options.get("fork-support", "unset")
        return self.parse(lambda lines: by_release(lines, cells, support))


class BySetting(ForkDirective):
    """Shows one release by the values of GRPC_ENABLE_FORK_SUPPORT."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        grpcio, python = self.arguments
        return self.parse(lambda lines: by_setting(lines, grpcio, python))


class Changes(ForkDirective):
    """Shows what changed between which releases."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        support = self.options.get("fork-support", "unset")
        return self.parse(lambda lines: changes_in_order(lines, self.arguments[0], support))


class Errors(ForkDirective):
    """Shows what the child's errors said."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        parent, _, child = self.arguments[0].partition(":")
        return self.parse(lambda lines: errors(lines, (parent, child), "unset"))


class Conditions(ForkDirective):
    """Shows what the trials were made with."""

    def run(self) -> list[nodes.Node]:
        return self.parse(conditions)


class LastChange(NumberRole):
    """Shows the release that changed a situation last."""

    def run(self) -> Shown:
        parent, child, *support = self.text.split(":")
        self.env.note_dependency(str(PROBE))
        fork_support = support[0] if support else "unset"
        return self.show(RECORD, lambda: last_change(read(), (parent, child), fork_support))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and the role with Sphinx."""
    app.add_directive("fork-matrix", ByRelease)
    app.add_directive("fork-settings", BySetting)
    app.add_directive("fork-changes", Changes)
    app.add_directive("fork-errors", Errors)
    app.add_directive("fork-conditions", Conditions)
    app.add_role("fork-change", LastChange())
    return {"version": "1", "parallel_read_safe": True}
