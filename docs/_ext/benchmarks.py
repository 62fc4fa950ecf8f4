"""Sphinx directives and a role that show a benchmark's stored result.

`benchmark NAME`: its table, with its versions and date; the option `rows` chooses some of the rows
(`COLUMN = VALUE`), which then stand alone.
`measured NAME`: its versions and date alone.
The role `figure` shows one figure of it: `NAME:KEY`.
"""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from _ext.base import TABLE, TEMPLATES, EvidenceDirective, NumberRole, Shown
from tests.benchmarks import results

MEASURED = TEMPLATES.from_string("""

Measured {{ result.date }} with Python {{ result.python }}, grpcio {{ result.grpcio }} and
google-cloud-iam {{ result.google_cloud_iam }} on {{ result.cores }} cores;
`python3 noxfile.py bench -- {{ name }}` measures it again.
""")


def benchmark(name: str, result: results.Result, wanted: str | None = None) -> str:
    """Draw the rows of a result, all of them with what they were measured with.

    Raises LookupError where no row is as wanted.
    """
    rows = results.chosen(result.rows, wanted)
    return TABLE.render(rows=rows) + (measured(name, result) if wanted is None else "")


def measured(name: str, result: results.Result) -> str:
    """Say what a result was measured with, and how it is measured again."""
    return MEASURED.render(result=result, name=name)


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
        return self.parse(
            lambda: benchmark(name, results.read(name), wanted), results.path_of(name)
        )


class MeasuredDirective(EvidenceDirective):
    """Shows what a benchmark was measured with."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        return self.parse(lambda: measured(name, results.read(name)), results.path_of(name))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and the role with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("benchmark", BenchmarkDirective)
    app.add_directive("measured", MeasuredDirective)
    app.add_role("figure", FigureRole())
    return {"version": "1", "parallel_read_safe": True}
