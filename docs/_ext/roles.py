"""Sphinx roles that draw the frequencies and versions of a sentence from data.

`failures FILE`: how many trials of a recipe or broken twin failed, of how many, with the pinned
releases. What follows after colons chooses: a start method, a value of GRPC_ENABLE_FORK_SUPPORT,
an outcome to count instead of all failures (`processes/close_then_fork_broken:fork:hang`).
`pinned PACKAGE`: the release that requirements.txt installs.
`documented KEY`: the version of a fact of docs/documented.toml, with a link to where it is
documented; `!KEY` has no link.
"""

import re
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from _ext.base import NumberRole, Shown
from tests.book import ROOT, START_METHODS
from tests.evidence.record.environment import FORK_SUPPORT, REQUIREMENTS, pinned
from tests.evidence.record.store import Record
from tests.evidence.record.trials import SCHEMA

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

DOCUMENTED = ROOT / "docs" / "documented.toml"
OUTCOME = re.compile(SCHEMA["properties"]["outcome"]["pattern"])


@dataclass(frozen=True)
class Fact:
    """What a source says of a version or, where it names none, of a year."""

    what: str
    source: str
    version: str = ""
    year: int | None = None

    @property
    def when(self) -> str:
        """Return the version, or the year."""
        return self.version or str(self.year)


@cache
def _facts(text: str) -> dict[str, Fact]:
    entries: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {key: Fact(**entry) for key, entry in entries.items()}


def facts() -> dict[str, Fact]:
    """Return every fact by its key."""
    return _facts(DOCUMENTED.read_text("utf-8"))


def fact(key: str) -> Fact:
    """Return a fact.

    Raises LookupError where there is none of this key.
    """
    if key not in facts():
        raise LookupError(f"{DOCUMENTED.name} has no fact {key}")
    return facts()[key]


def failures(record: Record, choice: str) -> str:
    """Count the trials that failed, or ended as the choice says, among those that it chooses.

    Raises LookupError where there is no such trial, or the choice has a word that says nothing.
    """
    file, *words = choice.split(":")
    start_method, fork_support, outcome = None, "unset", None
    for word in words:
        if word in START_METHODS:
            start_method = word
        elif word in FORK_SUPPORT:
            fork_support = word
        elif OUTCOME.fullmatch(word):
            outcome = word
        else:
            raise LookupError(f"{word!r} in {choice} is no start method, setting or outcome")
    stored = record.verdict(file, start_method, fork_support)
    counted = stored.failures if outcome is None else stored.outcomes[outcome]
    return f"{counted:,} of {len(stored.trials):,}"


class FailuresRole(NumberRole):
    """Shows how often a recipe or broken twin failed."""

    def run(self) -> Shown:
        file, *_ = self.text.split(":")
        for read in (self.record.book.path(file), REQUIREMENTS):
            self.env.note_dependency(str(read))
        return self.show(self.record.path(file), lambda: failures(self.record, self.text))


class PinnedRole(NumberRole):
    """Shows the release of a package that the tests run with."""

    def run(self) -> Shown:
        return self.show(REQUIREMENTS, lambda: pinned(self.text))


class DocumentedRole(NumberRole):
    """Shows a version that somebody documented, and links to where it is."""

    def run(self) -> Shown:
        key = self.text.removeprefix("!")
        shown, errors = self.show(DOCUMENTED, lambda: fact(key).when)
        if errors or key != self.text:
            return shown, errors
        found = fact(key)
        return [nodes.reference("", "", *shown, refuri=found.source, reftitle=found.what)], []


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the roles with Sphinx."""
    app.setup_extension("_ext.base")
    app.add_role("failures", FailuresRole())
    app.add_role("pinned", PinnedRole())
    app.add_role("documented", DocumentedRole())
    return {"version": "1", "parallel_read_safe": True}
