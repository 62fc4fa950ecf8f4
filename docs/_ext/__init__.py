"""The book's own extension of Sphinx: directives and roles that draw the pages from the record.

One module holds what belongs to one table. The folder is no `docs` or `tests`, and docs/ is put in
front of the path, so that no package of such a name that somebody has installed is met instead.
"""

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

MODULES = (
    "base",
    "benchmarks",
    "clone",
    "constants",
    "default_timeouts",
    "environments",
    "fork_matrix",
    "heat_map",
    "look_up",
    "method",
    "not_shown",
    "outputs",
    "plots",
    "recipe",
    "roles",
    "sections",
    "timeline",
    "verdicts",
    "verified",
)
"""Those that register something with Sphinx; each says what in its first lines."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register every directive and role of the book."""
    for module in MODULES:
        app.setup_extension(f"{__name__}.{module}")
    return {"version": "1", "parallel_read_safe": True}
