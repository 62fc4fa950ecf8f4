"""Sphinx directives that draw the fork matrix from its stored trials.

They have a module of their own because a fork has two outcomes, which stand in one cell; whether
two cells differ is decided as everywhere.

`fork-matrix PARENT:CHILD...`: situations by release of grpcio; its option `fork-support` names a
value of GRPC_ENABLE_FORK_SUPPORT.
`fork-settings GRPCIO PYTHON`: one release, by the values of GRPC_ENABLE_FORK_SUPPORT.
`fork-changes PYTHON`: between which releases the outcomes of a situation changed.
`fork-errors PARENT:CHILD`: what the child's errors said, by release.
`fork-conditions`: what the trials were made with.

The role `fork-change` shows the release of grpcio that changed a situation last:
`PARENT:CHILD[:FORK_SUPPORT]`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from _ext.base import (
    TABLE,
    TEMPLATES,
    EvidenceDirective,
    NumberRole,
    Shown,
    badges,
    listed,
    numbers,
)
from tests.evidence.fork_matrix.changes import (
    changes,
    in_order,
    of_child,
    of_parent,
    of_python,
    of_situation,
)
from tests.evidence.fork_matrix.situations import BY_NAME, SITUATIONS, Situation
from tests.evidence.fork_matrix.trials import RECORD, ForkRecord, ForkTrial
from tests.evidence.record.environment import FORK_SUPPORT
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.plan import PYTHON

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
NOT_TRIED = "not tried"

CONDITIONS = TEMPLATES.from_string("""\
:::{container} verified
Measured {{ dates }}: {{ trials }} forks, {{ least }} to {{ most }} of each situation and release;
grpcio {{ grpcio }};
Python {{ python }};
google-cloud-iam {{ google_cloud_iam }};
{{ system }}.
:::
""")


def both(trials: Sequence[ForkTrial]) -> str:
    """Count outcomes of the child, then those of the parent if it was not well each time."""
    if not trials:
        return NOT_TRIED
    children, parents = (Counter(map(who, trials)) for who in (of_child, of_parent))
    unwell = set(parents) != {"ok"}
    return badges(children) + (f" parent: {badges(parents)}" if unwell else "")


def by_release(
    trials: Sequence[ForkTrial],
    refused: Sequence[NotInstalled],
    situations: Sequence[Situation],
    fork_support: str,
) -> str:
    """Draw a row for each release, with a column for each situation.

    Raises LookupError where there is no trial.
    """
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for releases, group in in_order(trials):
        found = {title(each): of_situation(group, each, fork_support) for each in situations}
        if any(found.values()):
            cells[releases] = {heading: both(these) for heading, these in found.items()}
    for each in refused:
        why = dict.fromkeys(map(title, situations), f"none: {each.reason}")
        cells.setdefault((each.grpcio, each.python), why)
    if not cells:
        raise LookupError(f"no such fork; {command(situations)}")
    pythons = {trial.environment.python for trial in trials} | {each.python for each in refused}
    rows = [
        {"grpcio": grpcio}
        | ({"Python": python} if len(pythons) > 1 else {})
        | cells[grpcio, python]
        for grpcio, python in sorted(cells, key=lambda releases: [*map(numbers, releases)])
    ]
    return TABLE.render(rows=rows)


def title(situation: Situation) -> str:
    return f"the parent {PARENTS[situation.parent]}, the child {CHILDREN[situation.child]}"


def by_setting(trials: Sequence[ForkTrial], grpcio: str, python: str) -> str:
    """Draw a row for each situation of one release, with a column for each value of the variable.

    Raises LookupError where there is no trial.
    """
    rows = []
    those = of_python(trials, python)
    of_release = [trial for trial in those if trial.environment.grpcio == grpcio]
    for situation in SITUATIONS:
        found = {each: of_situation(of_release, situation, each) for each in FORK_SUPPORT}
        if any(found.values()):
            row = {"the parent": PARENTS[situation.parent], "the child": CHILDREN[situation.child]}
            rows.append(row | {support: both(these) for support, these in found.items()})
    if not rows:
        raise LookupError(f"no fork with grpcio {grpcio} on Python {python}; {command(SITUATIONS)}")
    return TABLE.render(rows=rows)


def changes_in_order(trials: Sequence[ForkTrial], python: str, fork_support: str) -> str:
    """Draw the changes, oldest release first.

    Raises LookupError where there is none.
    """
    found = changes(trials, python, fork_support)
    if not found:
        raise LookupError(f"nothing changed between releases with {fork_support}")
    rows = [
        {
            "between grpcio": " and ".join(each.releases),
            "situation": title(each.situation),
            "before": both(each.before),
            "after": both(each.after),
        }
        for each in sorted(found, key=lambda each: numbers(each.releases[0]))
    ]
    return TABLE.render(rows=rows)


def last_change(trials: Sequence[ForkTrial], situation: Situation, fork_support: str) -> str:
    """Return the newest release whose outcomes differ from those of the release before it.

    Raises LookupError where they never changed.
    """
    found = changes(trials, PYTHON, fork_support)
    releases = [each.releases[1] for each in found if each.situation == situation]
    if not releases:
        raise LookupError(f"nothing changed in {situation.name}; {command([situation])}")
    return releases[-1]


def errors(trials: Sequence[ForkTrial], situation: Situation, fork_support: str) -> str:
    """Draw a row for each text of the child's error and each release that had it.

    Raises LookupError where no child had one.
    """
    rows = []
    for (grpcio, _), group in in_order(of_situation(trials, situation, fork_support)):
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
        raise LookupError(f"no child had an error; {command([situation])}")
    return TABLE.render(rows=rows)


def conditions(trials: Sequence[ForkTrial]) -> str:
    """Say what the trials were made with.

    Raises LookupError where there is none.
    """
    if not trials:
        raise LookupError(f"no stored fork; {command(SITUATIONS)}")
    counts = Counter(trial.setting for trial in trials).values()
    days = sorted({trial.date[:10] for trial in trials})
    environments = {trial.environment for trial in trials}
    return CONDITIONS.render(
        dates=" to ".join(dict.fromkeys((days[0], days[-1]))),
        trials=f"{len(trials):,}",
        least=min(counts),
        most=max(counts),
        grpcio=listed(each.grpcio for each in environments),
        python=listed(each.python for each in environments),
        google_cloud_iam=listed(each.google_cloud_iam for each in environments),
        system=listed(each.system for each in environments),
    )


def command(situations: Iterable[Situation]) -> str:
    """Say how to make the trials that are missing."""
    options = " ".join(f"--cell {situation.name}" for situation in situations)
    return f"run: .venv/bin/python -m tests.evidence.fork_matrix.measure {options}"


def named(name: str) -> Situation:
    """Return the situation that a page names, such as `busy:fresh`.

    Raises LookupError where there is none of this name.
    """
    if name not in BY_NAME:
        raise LookupError(f"no situation {name}; there are {' '.join(BY_NAME)}")
    return BY_NAME[name]


def sources(record: ForkRecord) -> list[Path]:
    """List the files that a table follows from."""
    return [
        path for path in (record.path, record.not_installed.path, record.probe) if path.exists()
    ]


class ForkDirective(EvidenceDirective):
    """Parses Markdown that a function of this module drew from the record of the forks."""

    def draw(self, draw: Callable[[ForkRecord], str]) -> list[nodes.Node]:
        """Return what was drawn from the record that this project draws from."""
        record = cast(ForkRecord, self.config.cookbook_forks)
        return self.parse(lambda: draw(record), *sources(record))


class ByRelease(ForkDirective):
    """Shows situations by release."""

    required_arguments = 1
    optional_arguments = len(SITUATIONS) - 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        support = self.options.get("fork-support", "unset")

        def draw(record: ForkRecord) -> str:
            situations = sorted(map(named, self.arguments), key=SITUATIONS.index)
            return by_release(record.of_today(), record.refused(), situations, support)

        return self.draw(draw)


class BySetting(ForkDirective):
    """Shows one release by the values of GRPC_ENABLE_FORK_SUPPORT."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        grpcio, python = self.arguments
        return self.draw(lambda record: by_setting(record.of_today(), grpcio, python))


class Changes(ForkDirective):
    """Shows what changed between which releases."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"fork-support": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        python, support = self.arguments[0], self.options.get("fork-support", "unset")
        return self.draw(lambda record: changes_in_order(record.of_today(), python, support))


class Errors(ForkDirective):
    """Shows what the child's errors said."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        return self.draw(lambda record: errors(record.of_today(), named(name), "unset"))


class Conditions(ForkDirective):
    """Shows what the trials were made with."""

    def run(self) -> list[nodes.Node]:
        return self.draw(lambda record: conditions(record.of_today()))


class LastChange(NumberRole):
    """Shows the release that changed a situation last."""

    def run(self) -> Shown:
        record = cast(ForkRecord, self.config.cookbook_forks)
        parts = self.text.split(":")
        name, support = ":".join(parts[:2]), (*parts[2:], "unset")[0]
        self.env.note_dependency(str(record.probe))
        return self.show(record.path, lambda: last_change(record.of_today(), named(name), support))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and the role, and where the record comes from."""
    app.add_config_value("cookbook_forks", RECORD, "", ForkRecord)
    app.add_directive("fork-matrix", ByRelease)
    app.add_directive("fork-settings", BySetting)
    app.add_directive("fork-changes", Changes)
    app.add_directive("fork-errors", Errors)
    app.add_directive("fork-conditions", Conditions)
    app.add_role("fork-change", LastChange())
    return {"version": "1", "parallel_read_safe": True}
