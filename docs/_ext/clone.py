"""Sphinx directive `clone`: the commands that bring the whole book onto the reader's machine.

Where the repository is, the build knows: the value `cookbook_repository` of conf.py. A build that
does not know says so, rather than name an address of its own.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from tests.book import ROOT

FOLDER = "iam-concurrency-cookbook"
UNKNOWN = "ADDRESS"


def commands(repository: str) -> str:
    """Return the commands that get the book of a repository, and run all of it."""
    return f"git clone {repository or UNKNOWN} {FOLDER}\ncd {FOLDER}\npython3 noxfile.py"


class CloneDirective(SphinxDirective):
    """Shows the commands; where the address is not known, what stands in its place."""

    def run(self) -> list[nodes.Node]:
        repository: str = self.config.cookbook_repository
        text = commands(repository)
        # a source tells what is drawn from the blocks of the page, which are checked one by one
        block = nodes.literal_block(text, text, language="bash", source=str(ROOT / "conf.py"))
        unknown = f"`{UNKNOWN}` is that of the repository, which this build was not told."
        return [block] if repository else [block, *self.parse_text_to_nodes(unknown)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive, and where the address comes from."""
    app.add_config_value("cookbook_repository", "", "env", str)
    app.add_directive("clone", CloneDirective)
    return {"version": "1", "parallel_read_safe": True}
