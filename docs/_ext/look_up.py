"""Sphinx directive that draws tables to look up one's own versions, from the stored trials.

`look-up AXIS` (`grpcio`, `iam` or `python`): what each release of it did, then what each rule did.

`docs/_static/look-up.js` leaves the rows of the releases that a reader chooses. What it knows
stands in the attributes of elements that show nothing: one before the tables, one in each row.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.axes import FIELDS, OF_RELEASES, release_of
from _ext.base import TABLE, TEMPLATES, EvidenceDirective, badges, interval, versions
from _ext.runs import Breaks, Run, breaks, releases_of, runs
from tests.book import Rule, page_of, part_of, place_of
from tests.evidence.record.cells import kind, strips
from tests.evidence.record.not_installed import NEWEST
from tests.evidence.record.plan import AXES
from tests.evidence.record.statistics import CONFIDENCE
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

SCRIPT, STYLE, PLACE = "look-up.js", "look-up.css", "look-up"
"""Loaded by a page that has the container PLACE, where the script puts its form."""

PAGE = TEMPLATES.from_string("""\
<div data-axis="{{ axis }}" data-name="{{ name }}" data-releases="{{ releases | join(" ") }}"></div>

{% if by_release %}
What each release did:

{{ by_release }}

What each rule did; releases that follow each other share a row where they do not differ:

{{ by_rule }}

{% endif %}
{% if missing %}
{{ "{:,}".format(missing) }} of the plan's {{ "{:,}".format(total) }} cells by release of \
{{ name }} are not measured yet.
{% else %}
All of the plan's {{ "{:,}".format(total) }} cells by release of {{ name }} are measured.
{% endif %}
""")


def link(rule: Rule) -> str:
    """Link the recipe's page by its title, and the recipe's part of it where others share it."""
    page, part = f"[](/{page_of(rule.recipe)})", part_of(rule.recipe)
    return f"{page}: [{part}](/{place_of(rule.recipe)})" if part else page


def look_up(record: Record, name: str) -> str:
    """Draw the tables of an axis, and say how many of its cells are not measured."""
    of_files = strips(record, name)
    measured = {rule: releases_of(rule, of_files) for rule in record.book.rules()}
    reasons = not_installed(record, name)
    by_release = list(release_rows(name, measured, reasons))
    missing, total = count_missing(measured, reasons)
    return PAGE.render(
        axis=name,
        name=OF_RELEASES[name],
        releases=[run.releases[0] for run in next(iter(measured.values()))],
        by_release=TABLE.render(rows=by_release) if by_release else "",
        by_rule=TABLE.render(rows=rule_rows(name, measured, breaks(of_files, name))),
        missing=missing,
        total=total,
    )


Measured = dict[Rule, list[Run]]
"""What each rule did in each release of an axis."""


def count_missing(measured: Measured, reasons: dict[str, str]) -> tuple[int, int]:
    """Count the cells that are not measured, and all that can be installed."""
    cells = [
        verdict
        for rule, of_rule in measured.items()
        for run in of_rule
        if run.releases[0] not in reasons or run.is_measured
        for verdict in ((run.recipe, run.twin) if rule.twin else (run.recipe,))
    ]
    return cells.count(None), len(cells)


def not_installed(record: Record, name: str) -> dict[str, str]:
    """Say of each release of the plan that could not be installed why."""
    reasons = {refused.releases: refused.reason for refused in record.not_installed.read()}
    wanted = {tuple(part or NEWEST for part in each): each for each in AXES[name]}
    return {release_of(name, wanted[key]): why for key, why in reasons.items() if key in wanted}


def release_rows(
    name: str, measured: Measured, reasons: dict[str, str]
) -> Iterable[dict[str, object]]:
    """Yield a row for each release that is measured, or cannot be."""
    for each in zip(*measured.values(), strict=True):
        (release,) = each[0].releases
        found = {rule: run for rule, run in zip(measured, each, strict=True) if run.is_measured}
        if found:
            yield release_row(name, release, found)
        elif release in reasons:
            heads = dict.fromkeys(release_row(name, release, {}), "")
            reason = f"cannot be installed: {reasons[release]}"
            yield {**heads, OF_RELEASES[name]: release, "with": reason}


def release_row(name: str, release: str, found: dict[Rule, Run]) -> dict[str, object]:
    """Count what held and what failed in a release, and name what did otherwise."""
    recipes = {rule: run.recipe for rule, run in found.items() if run.recipe}
    twins = {rule: run.twin for rule, run in found.items() if run.twin}
    verdicts = (*recipes.values(), *twins.values())
    trials = [trial for verdict in verdicts for trial in verdict.trials]
    return {
        OF_RELEASES[name]: mark(name, [release], trials) + release,
        "with": others(name, trials),
        "recipes that held": of_all(recipes, "held"),
        "recipes that did not": all_but(recipes, "held"),
        "broken twins that failed": of_all(twins, "failed"),
        "broken twins that did not": all_but(twins, "failed"),
    }


def of_all(verdicts: dict[Rule, Verdict], wanted: str) -> str:
    """Count the verdicts of a kind."""
    count = sum(kind(verdict) == wanted for verdict in verdicts.values())
    return f"{count} of {len(verdicts)}" if verdicts else "not measured yet"


def all_but(verdicts: dict[Rule, Verdict], wanted: str) -> str:
    """Name the rules whose verdicts are of another kind."""
    links = [
        link(rule) + (" (not offered)" if kind(verdict) == "not offered" else "")
        for rule, verdict in verdicts.items()
        if kind(verdict) != wanted
    ]
    return "; ".join(links) or "none"


def rule_rows(name: str, measured: Measured, breaks: Breaks) -> list[dict[str, object]]:
    """Draw a row for each rule and each run of releases."""
    return [
        rule_row(name, rule, run)
        for rule, releases in measured.items()
        for run in runs(releases, breaks)
    ]


def rule_row(name: str, rule: Rule, run: Run) -> dict[str, object]:
    return {
        "rule": mark(name, run.releases) + link(rule),
        f"from {OF_RELEASES[name]}": run.releases[0],
        "to": run.releases[-1],
        "recipe": of_recipe(run.recipe),
        "broken twin": of_twin(run.twin) if rule.twin else "there is none",
        f"twin's failures ({CONFIDENCE:.0%} interval)": frequency(run.twin),
    }


def mark(name: str, releases: Sequence[str], trials: Iterable[Trial] = ()) -> str:
    """Tell the script which releases a row is about, and with which others they were tried."""
    tried = {
        ",".join(f"{axis}:{release_of(axis, environment)}" for axis in OF_RELEASES)
        for environment in {trial.environment for trial in trials}
    }
    cells = f' data-cells="{" ".join(sorted(tried))}"' if tried else ""
    return f'<span data-axis="{name}" data-releases="{" ".join(releases)}"{cells}></span>'


def others(name: str, trials: Iterable[Trial]) -> str:
    """Say which releases of the other axes a release was tried with."""
    found = versions(trials)
    others = {axis: title for axis, title in OF_RELEASES.items() if axis != name}
    return "; ".join(f"{title} {found[FIELDS[axis]]}" for axis, title in others.items())


def of_recipe(verdict: Verdict | None) -> str:
    """Say how a recipe did, in as many trials as there are."""
    if verdict is None:
        return "not measured yet"
    count = len(verdict.trials)
    if kind(verdict) == "held":
        return f"[held in {count} of {count}]{{.outcome-ok}}"
    said = "not offered" if kind(verdict) == "not offered" else "failed"
    return f"{said} in {verdict.failures} of {count}: {badges(verdict.outcomes)}"


def of_twin(verdict: Verdict | None) -> str:
    """Count what a broken twin did."""
    if verdict is None:
        return "not measured yet"
    return ("not offered: " if kind(verdict) == "not offered" else "") + badges(verdict.outcomes)


def frequency(verdict: Verdict | None) -> str:
    """Say how often a broken twin failed, and how often it may."""
    if verdict is None:
        return ""
    return f"{verdict.failures} of {len(verdict.trials)} ({interval(verdict)})"


class LookUpDirective(EvidenceDirective):
    """Shows the tables of an axis."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        drawn = nodes.section()
        drawn += self.parse(
            lambda: look_up(self.record, directives.choice(self.arguments[0], tuple(OF_RELEASES))),
            *self.record.paths(),
            self.record.not_installed.path,
        )
        for mark in [*drawn.findall(nodes.raw)]:  # of which the page's Markdown knows nothing
            mark.replace_self(addnodes.only("", mark.deepcopy(), expr="html"))
        return drawn.children


def load_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let the page that has a place for the form load the script, and no other."""
    places = doctree.findall(nodes.container) if doctree else []
    if any(PLACE in place["classes"] for place in places):
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("look-up", LookUpDirective)
    app.connect("html-page-context", load_script)
    return {"version": "1", "parallel_read_safe": True}
