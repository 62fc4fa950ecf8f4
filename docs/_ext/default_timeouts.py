"""Sphinx directive `default-timeouts`: what the installed clients do where a call sets nothing."""

import inspect
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import TABLE, EvidenceDirective
from tests.support.client_defaults import defaults
from tests.support.installed_clients import clients


def default_timeouts() -> str:
    """Draw a row for each client, timeout and retry; clients with the same methods share it."""
    methods: dict[tuple[str, str, str], list[str]] = {}
    for default in sorted(defaults()):
        seconds = f"{default.timeout:g} s" if default.timeout else "none"
        after = quoted(default.retried) or "none"
        methods.setdefault((seconds, after, default.client), []).append(default.method)
    sharing: dict[tuple[str, str, str], list[str]] = {}
    for (seconds, after, client), names in methods.items():
        sharing.setdefault((seconds, after, quoted(names)), []).append(client)
    columns = ("timeout", "retried", "methods")
    rows = [
        dict(zip(columns, key, strict=True)) | {"client": quoted(names)}
        for key, names in sharing.items()
    ]
    rows.sort(key=lambda row: (row["timeout"] != "none", row["retried"] != "none", *row.values()))
    return TABLE.render(rows=rows)


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


class DefaultTimeoutsDirective(EvidenceDirective):
    """Shows the defaults of the package that the site is built with."""

    def run(self) -> list[nodes.Node]:
        files = {Path(inspect.getfile(client)) for client in clients().values()}
        return self.parse(default_timeouts, *sorted(files))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_directive("default-timeouts", DefaultTimeoutsDirective)
    return {"version": "1", "parallel_read_safe": True}
