"""Sphinx directive `output FILE START_METHOD [FORK_SUPPORT]`: what a broken twin printed.

It shows a stored run that failed, as it was printed.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from tests.evidence.record.store import OUTPUTS


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


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.add_directive("output", OutputDirective)
    return {"version": "1", "parallel_read_safe": True}
