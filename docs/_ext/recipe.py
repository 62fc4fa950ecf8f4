"""Sphinx directive `recipe [ARGUMENTS]`: the recipe that the page is about, and how to run it.

The file is shown whole, as it is run and as the copy button gives it. The command that runs it
here is drawn from its name, so it is no block of the page: it would run what the tests of the
recipe run. The content is a clause about what the local IAM does to it; ARGUMENTS are given to it.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import TEMPLATES, OfRecipe
from tests.book import ROOT

FOLDED = 150
"""Lines from which on a file is folded: a module to be imported, which nobody reads first."""
RECIPE = TEMPLATES.from_string("""\
{% if folded %}
:::::{dropdown} The whole file, {{ lines }} lines
{% endif %}
::::{literalinclude} {{ path }}
:language: python
::::
{% if folded %}
:::::
{% endif %}

Download {download}`{{ name }} <{{ path }}>`, and run it with your credentials: \
[`uv run {{ name }}`](https://docs.astral.sh/uv/guides/scripts/) fetches what it needs.
Or run it [in a checkout](/index.md#get-it) against the [local IAM](/testing/local-iam.md)\
{{ ", " if clause }}{{ clause }}:
""")


class RecipeDirective(OfRecipe):
    """Shows a recipe whole."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        file = self.recipe
        path = self.record.book.path(file)
        lines = path.read_text("utf-8").count("\n")
        text = RECIPE.render(
            folded=lines >= FOLDED,
            lines=lines,
            name=path.name,
            path=f"../../recipes/{file}.py",
            clause=" ".join(self.content),
        )
        command = " ".join(("python3 noxfile.py cook --", file, *self.arguments))
        # a source tells what is drawn from the blocks of the page, which are checked one by one
        block = nodes.literal_block(
            command, command, language="bash", source=str(ROOT / "noxfile.py")
        )
        return [*self.parse(lambda: text, path), block]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("recipe", RecipeDirective)
    return {"version": "1", "parallel_read_safe": True}
