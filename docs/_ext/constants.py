"""Sphinx role `constant`: a number as a file of the checkout defines it, `PATH:NAME`.

The file is read and not imported: a page may name what a recipe runs with, and the build of the
site starts nothing.
"""

import ast

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import NumberRole, Shown
from tests.book import ROOT


def constant(path: str, name: str) -> str:
    """Return a number that a module assigns to a name, with commas between thousands.

    A release is a text, and shown as it stands.

    Raises LookupError where there is no such file or no such number in it.
    """
    file = ROOT / path
    module = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    for node in module.body:
        if isinstance(node, ast.Assign) and [name] == [ast.unparse(to) for to in node.targets]:
            value = ast.literal_eval(node.value)
            return value if isinstance(value, str) else f"{value:,}"
    raise LookupError(f"{path} has no number {name}")


class ConstantRole(NumberRole):
    """Shows the number that a file defines."""

    def run(self) -> Shown:
        path, _, name = self.text.partition(":")
        return self.show(ROOT / path, lambda: constant(path, name))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the role with Sphinx."""
    app.add_role("constant", ConstantRole())
    return {"version": "1", "parallel_read_safe": True}
