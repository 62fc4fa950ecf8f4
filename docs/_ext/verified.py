"""Sphinx directive `verified`: how the recipe that the page is about held."""

from collections.abc import Mapping

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import TEMPLATES, OfRecipe, label, span, tally, versions
from _ext.systems import systems
from tests.book import START_METHODS
from tests.evidence.record.cells import Kind, kinds
from tests.evidence.record.verdicts import Verdict

VERIFIED = TEMPLATES.from_string("""\
:::{container} verified
**Verified** {{ dates }}: `ok` in {{ ok }} of {{ total }} trials of this program{{ failures }},
with start methods {{ start_methods }};
Python {{ python }};
grpcio {{ grpcio }};
google-cloud-iam {{ google_cloud_iam }};
{{ system }}.
It was tried on no other system, and {{ systems }}.
{{ tally }}
[How this is measured](/evidence/index.md#how-to-read-it).
:::
""")


def verified(stored: Verdict, kinds: Mapping[Kind, int], text: str) -> str:
    """Say how a recipe held with the pinned releases, in how many environments, and where else.

    `text` is that of the recipe: it tells on which systems it runs that have no trials.
    """
    failed = {name: count for name, count in stored.outcomes.items() if name != "ok"}
    used = {trial.environment.start_method for trial in stored.trials}
    return VERIFIED.render(
        dates=span(stored.trials),
        ok=stored.outcomes["ok"],
        total=len(stored.trials),
        failures="".join(f", `{name}` in {count}" for name, count in sorted(failed.items())),
        start_methods=", ".join(method for method in START_METHODS if method in used),
        systems=systems(text),
        tally=tally("It", kinds, "held", f"#{label(stored.file)}"),
        **versions(stored.trials),
    )


class VerifiedDirective(OfRecipe):
    """Shows the verdict of a recipe."""

    def run(self) -> list[nodes.Node]:
        file = self.recipe
        path = self.record.book.path(file)
        return self.parse(
            lambda: verified(
                self.record.verdict(file), kinds(self.record, file), path.read_text("utf-8")
            ),
            path,
            self.record.path(file),
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("verified", VerifiedDirective)
    return {"version": "1", "parallel_read_safe": True}
