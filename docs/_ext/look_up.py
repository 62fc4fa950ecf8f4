"""Sphinx directive that draws tables to look up one's own versions, from the stored trials.

`look-up AXIS` (`grpcio`, `iam` or `python`): what each release of it did, then what each rule did.

`docs/_static/look-up.js` leaves the rows of the releases that a reader chooses. What it knows
stands in the attributes of elements that show nothing: one before the tables, one in each row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from scipy.stats import fisher_exact
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.cells import axis, kind, minor
from tests.evidence.environments import Wanted, refused
from tests.evidence.fork_matrix.pages import LUCK
from tests.evidence.pages import TABLE, TEMPLATES, EvidenceDirective, badge, page_of, versions
from tests.evidence.plan import AXES
from tests.evidence.rules import Rule, rules
from tests.evidence.trials import RECORDS, Environment, Trial
from tests.evidence.verdicts import CONFIDENCE, Verdict

NAMES = {"grpcio": "grpcio", "iam": "google-cloud-iam", "python": "Python"}
"""What readers call the axes, which have the names of the command's options."""
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


@dataclass(frozen=True)
class Run:
    """Releases that follow each other, with the trials of a recipe and its twin in all of them.

    A verdict is None where it is not measured, or where there is no twin.
    """

    releases: tuple[str, ...]
    recipe: Verdict | None
    twin: Verdict | None

    @property
    def is_measured(self) -> bool:
        """Tell whether there is something to show."""
        return self.recipe is not None or self.twin is not None

    def is_continued_by(self, other: "Run") -> bool:
        """Tell whether both files do there what they do here, but for luck.

        A recipe that failed once is unlike one that held.
        """
        return (
            kind(self.recipe) == kind(other.recipe)
            and not differ(self.recipe, other.recipe)
            and not differ(self.twin, other.twin)
        )

    def joined(self, other: "Run") -> "Run":
        """Count the trials of both together."""
        return Run(
            self.releases + other.releases,
            together(self.recipe, other.recipe),
            together(self.twin, other.twin),
        )


def differ(before: Verdict | None, after: Verdict | None) -> bool:
    """Tell whether an outcome came more often in one than in the other by more than luck."""
    if before is None or after is None:
        return before is not after
    both = (before, after)
    for outcome in {*before.outcomes, *after.outcomes}:
        counts = [[it.outcomes[outcome], len(it.trials) - it.outcomes[outcome]] for it in both]
        if fisher_exact(counts).pvalue < LUCK:
            return True
    return False


def together(one: Verdict | None, other: Verdict | None) -> Verdict | None:
    if one is None or other is None:
        return None
    return Verdict(one.file, one.trials + other.trials)


def link(rule: Rule) -> str:
    """Link the recipe's page by its title."""
    return f"[](/{page_of(rule.recipe)})"


def complete(verdict: Verdict | None) -> Verdict | None:
    """Return a verdict of as many trials as the plan's, otherwise None."""
    return None if kind(verdict) == "not measured" else verdict


def releases_of(rule: Rule, name: str) -> list[Run]:
    """Return what a rule did in each release of an axis, in their order."""
    recipes = axis(rule.recipe, name)
    twins = dict(axis(rule.twin, name)) if rule.twin else {}
    return [
        Run((release,), complete(recipe), complete(twins.get(release)))
        for release, recipe in recipes
    ]


def runs(releases: Iterable[Run]) -> list[Run]:
    """Join releases that follow each other and are alike; leave out what is not measured."""
    found: list[Run] = []
    before: Run | None = None
    for release in releases:
        if before is not None and release.is_measured and before.is_continued_by(release):
            found[-1] = before.joined(release)
        elif release.is_measured:
            found.append(release)
        before = found[-1] if release.is_measured else None
    return found


def look_up(name: str) -> str:
    """Draw the tables of an axis, and say how many of its cells are not measured."""
    measured = {rule: releases_of(rule, name) for rule in rules()}
    by_release = list(release_rows(name, measured))
    missing, total = count_missing(name, measured)
    return PAGE.render(
        axis=name,
        name=NAMES[name],
        releases=[its.releases[0] for its in next(iter(measured.values()))],
        by_release=TABLE.render(rows=by_release) if by_release else "",
        by_rule=TABLE.render(rows=rule_rows(name, measured)),
        missing=missing,
        total=total,
    )


Measured = dict[Rule, list[Run]]
"""What each rule did in each release of an axis."""


def count_missing(name: str, measured: Measured) -> tuple[int, int]:
    """Count the cells that are not measured, and all that can be installed."""
    reasons = not_installed(name)
    cells = [
        verdict
        for rule, its in measured.items()
        for run in its
        if run.releases[0] not in reasons or run.is_measured
        for verdict in ((run.recipe, run.twin) if rule.twin else (run.recipe,))
    ]
    return cells.count(None), len(cells)


def not_installed(name: str) -> dict[str, str]:
    """Say of each release of the plan that could not be installed why."""
    reasons = {(it.python, it.grpcio, it.google_cloud_iam): it.reason for it in refused()}
    wanted = {tuple(part or "newest" for part in it): it for it in AXES[name]}
    return {release_of(name, wanted[key]): why for key, why in reasons.items() if key in wanted}


def release_of(name: str, it: Wanted | Environment) -> str:
    """Return the release that stands on an axis."""
    release = {"grpcio": it.grpcio, "iam": it.google_cloud_iam, "python": minor(it.python)}[name]
    return str(release)


def release_rows(name: str, measured: Measured) -> Iterable[dict[str, object]]:
    """Yield a row for each release that is measured, or cannot be."""
    reasons = not_installed(name)
    for each in zip(*measured.values(), strict=True):
        (release,) = each[0].releases
        its = {rule: run for rule, run in zip(measured, each, strict=True) if run.is_measured}
        if its:
            yield release_row(name, release, its)
        elif release in reasons:
            heads = dict.fromkeys(release_row(name, release, {}), "")
            reason = f"cannot be installed: {reasons[release]}"
            yield {**heads, NAMES[name]: release, "with": reason}


def release_row(name: str, release: str, its: dict[Rule, Run]) -> dict[str, object]:
    """Count what held and what failed in a release, and name what did otherwise."""
    recipes = {rule: run.recipe for rule, run in its.items() if run.recipe}
    twins = {rule: run.twin for rule, run in its.items() if run.twin}
    trials = [trial for it in (*recipes.values(), *twins.values()) for trial in it.trials]
    return {
        NAMES[name]: mark(name, [release], trials) + release,
        "with": others(name, trials),
        "recipes that held": of_all(recipes, "held"),
        "recipes that did not": all_but(recipes, "held"),
        "broken twins that failed": of_all(twins, "failed"),
        "broken twins that did not": all_but(twins, "failed"),
    }


def of_all(verdicts: dict[Rule, Verdict], wanted: str) -> str:
    """Count the verdicts of a kind."""
    count = sum(kind(it) == wanted for it in verdicts.values())
    return f"{count} of {len(verdicts)}" if verdicts else "not measured yet"


def all_but(verdicts: dict[Rule, Verdict], wanted: str) -> str:
    """Name the rules whose verdicts are of another kind."""
    links = [
        link(rule) + (" (not offered)" if kind(it) == "not offered" else "")
        for rule, it in verdicts.items()
        if kind(it) != wanted
    ]
    return "; ".join(links) or "none"


def rule_rows(name: str, measured: Measured) -> list[dict[str, object]]:
    """Draw a row for each rule and each run of releases."""
    return [rule_row(name, rule, run) for rule, its in measured.items() for run in runs(its)]


def rule_row(name: str, rule: Rule, run: Run) -> dict[str, object]:
    return {
        "rule": mark(name, run.releases) + link(rule),
        f"from {NAMES[name]}": run.releases[0],
        "to": run.releases[-1],
        "recipe": of_recipe(run.recipe),
        "broken twin": of_twin(run.twin) if rule.twin else "there is none",
        f"twin's failures ({CONFIDENCE:.0%} interval)": frequency(run.twin),
    }


def mark(name: str, releases: Sequence[str], trials: Iterable[Trial] = ()) -> str:
    """Tell the script which releases a row is about, and with which others they were tried."""
    tried = {
        ",".join(f"{axis}:{release_of(axis, it)}" for axis in NAMES)
        for it in {trial.environment for trial in trials}
    }
    cells = f' data-cells="{" ".join(sorted(tried))}"' if tried else ""
    return f'<span data-axis="{name}" data-releases="{" ".join(releases)}"{cells}></span>'


def others(name: str, trials: Iterable[Trial]) -> str:
    """Say which releases of the other axes a release was tried with."""
    found = versions(trials)
    named = {"grpcio": "grpcio", "iam": "google_cloud_iam", "python": "python"}
    return "; ".join(f"{NAMES[it]} {found[named[it]]}" for it in NAMES if it != name)


def of_recipe(verdict: Verdict | None) -> str:
    """Say how a recipe did, in as many trials as there are."""
    if verdict is None:
        return "not measured yet"
    count = len(verdict.trials)
    if kind(verdict) == "held":
        return f"[held in {count} of {count}]{{.outcome-ok}}"
    said = "not offered" if kind(verdict) == "not offered" else "failed"
    return f"{said} in {verdict.failures} of {count}: {badges(verdict)}"


def of_twin(verdict: Verdict | None) -> str:
    """Count what a broken twin did."""
    if verdict is None:
        return "not measured yet"
    return ("not offered: " if kind(verdict) == "not offered" else "") + badges(verdict)


def badges(verdict: Verdict) -> str:
    return " ".join(badge(name, count) for name, count in verdict.outcomes.most_common())


def frequency(verdict: Verdict | None) -> str:
    """Say how often a broken twin failed, and how often it may."""
    if verdict is None:
        return ""
    low, high = verdict.frequency
    return f"{verdict.failures} of {len(verdict.trials)} ({low:.0%} to {high:.0%})"


class LookUpDirective(EvidenceDirective):
    """Shows the tables of an axis."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        records = RECORDS.rglob("*.csv")
        drawn = nodes.section()
        drawn += self.parse(
            lambda: look_up(directives.choice(self.arguments[0], tuple(NAMES))), *records
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
    app.add_directive("look-up", LookUpDirective)
    app.connect("html-page-context", load_script)
    return {"version": "1", "parallel_read_safe": True}
